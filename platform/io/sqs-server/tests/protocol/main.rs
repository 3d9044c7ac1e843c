//! The protocol as bytes: actions, their errors with shape, code and status, and the limits of the door.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

mod client;

use client::Client;
use serde_json::{Value, json};
use tally_sqs_server::ServerConfig;

/// An action, its input, and the name and code of the error that it must end in.
type Mistake = (&'static str, Value, &'static str, &'static str);

async fn refuses(client: &Client, mistakes: Vec<Mistake>) {
    for (action, input, shape, code) in mistakes {
        let answer = client.act(action, &input).await;
        let shown = format!("{action} {:.200}: {answer:?}", input.to_string());
        assert_eq!(answer.status, 400, "{shown}");
        let found = answer.json["__type"].as_str().unwrap();
        assert_eq!(found.rsplit('#').next(), Some(shape), "{shown}");
        let header = answer.header("x-amzn-query-error").unwrap();
        assert_eq!(header.strip_suffix(";Sender"), Some(code), "{shown}");
    }
}

/// Claim: each mistake about a queue has the name that JSON clients know it by and the code that command lines know it by.
#[tokio::test]
async fn mistakes_about_queues_have_their_names() {
    let client = Client::start(|_| {}).await;
    let url = client.create("work", json!({})).await;
    let nowhere = json!({"QueueUrl": "http://x/0/none", "MessageBody": "x"});
    let taken = json!({"QueueName": "work", "Attributes": {"DelaySeconds": "5"}});
    let policy = json!({"QueueName": "b", "Attributes": {"Policy": "{}"}});
    let delay = json!({"QueueName": "b", "Attributes": {"DelaySeconds": "x"}});
    let asked = json!({"QueueUrl": url, "AttributeNames": ["None"]});
    let none = "AWS.SimpleQueueService.NonExistentQueue";
    let unsupported = "AWS.SimpleQueueService.UnsupportedOperation";
    let mistakes = vec![
        (
            "GetQueueUrl",
            json!({"QueueName": "none"}),
            "QueueDoesNotExist",
            none,
        ),
        ("SendMessage", nowhere, "QueueDoesNotExist", none),
        ("CreateQueue", taken, "QueueNameExists", "QueueAlreadyExists"),
        (
            "CreateQueue",
            json!({"QueueName": "a.fifo"}),
            "UnsupportedOperation",
            unsupported,
        ),
        (
            "CreateQueue",
            json!({"QueueName": "a b"}),
            "InvalidParameterValueException",
            "InvalidParameterValue",
        ),
        (
            "CreateQueue",
            policy,
            "InvalidAttributeName",
            "InvalidAttributeName",
        ),
        (
            "CreateQueue",
            delay,
            "InvalidAttributeValue",
            "InvalidAttributeValue",
        ),
        (
            "GetQueueAttributes",
            asked,
            "InvalidAttributeName",
            "InvalidAttributeName",
        ),
        (
            "StartMessageMoveTask",
            json!({}),
            "UnknownOperationException",
            "InvalidAction",
        ),
        (
            "SendMessage",
            json!([]),
            "SerializationException",
            "MalformedInput",
        ),
    ];
    refuses(&client, mistakes).await;
}

/// Claim: the same of mistakes in one message.
#[tokio::test]
async fn mistakes_in_messages_have_their_names() {
    let client = Client::start(|_| {}).await;
    let url = client.create("work", json!({})).await;
    let send = |body: &str, more: Value| {
        let mut input = json!({"QueueUrl": url, "MessageBody": body});
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    };
    let many = json!({"QueueUrl": url, "MaxNumberOfMessages": 11});
    let nonsense = json!({"QueueUrl": url, "ReceiptHandle": "nonsense"});
    let stale = json!({"QueueUrl": url, "ReceiptHandle": "1.1.1", "VisibilityTimeout": 1});
    let large = "x".repeat((1 << 20) + 1);
    let (missing, value) = (
        "MissingRequiredParameterException",
        "InvalidParameterValueException",
    );
    let mistakes = vec![
        (
            "SendMessage",
            json!({"MessageBody": "x"}),
            missing,
            "MissingParameter",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": url}),
            missing,
            "MissingParameter",
        ),
        (
            "SendMessage",
            send("\u{0}", json!({})),
            "InvalidMessageContents",
            "InvalidMessageContents",
        ),
        (
            "SendMessage",
            send("x", json!({"DelaySeconds": 901})),
            value,
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(&large, json!({})),
            value,
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send("x", json!({"MessageGroupId": "g"})),
            "UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
        ),
        ("ReceiveMessage", many, value, "InvalidParameterValue"),
        (
            "DeleteMessage",
            nonsense,
            "ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
        ),
        (
            "ChangeMessageVisibility",
            stale,
            "MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
        ),
    ];
    refuses(&client, mistakes).await;
}

/// Claim: the same of a batch as a whole.
#[tokio::test]
async fn mistakes_in_batches_have_their_names() {
    let client = Client::start(|_| {}).await;
    let url = client.create("work", json!({})).await;
    let batch = |entries: Value| json!({"QueueUrl": url, "Entries": entries});
    let entry = |id: &str, body: &str| json!({"Id": id, "MessageBody": body});
    let half = "x".repeat(600 << 10);
    let send = "SendMessageBatch";
    let mistakes = vec![
        (
            send,
            batch(json!([])),
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
        ),
        (
            send,
            batch(json!([entry("a", "x"), entry("a", "x")])),
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        ),
        (
            send,
            batch(json!([entry("a", &half), entry("b", &half)])),
            "BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ];
    refuses(&client, mistakes).await;
}

/// Claim: a dead-letter queue works whichever way its count is written, and a queue lists those that lead to it.
#[tokio::test]
async fn dead_letters_follow_the_policy() {
    let client = Client::start(|_| {}).await;
    let dead = client.create("dead", json!({})).await;
    for (name, count) in [("text", json!("1")), ("number", json!(1))] {
        let policy = json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": count});
        let url = client
            .create(name, json!({"RedrivePolicy": policy.to_string()}))
            .await;
        client
            .ok("SendMessage", &json!({"QueueUrl": url, "MessageBody": name}))
            .await;
        let receive = json!({"QueueUrl": url, "VisibilityTimeout": 0});
        assert_eq!(
            client.ok("ReceiveMessage", &receive).await["Messages"][0]["Body"],
            name
        );
        assert_eq!(client.ok("ReceiveMessage", &receive).await, json!({}));
        let found = client.ok("ReceiveMessage", &json!({"QueueUrl": dead})).await;
        assert_eq!(found["Messages"][0]["Body"], name);
    }
    let sources = client
        .ok("ListDeadLetterSourceQueues", &json!({"QueueUrl": dead}))
        .await;
    assert_eq!(sources["queueUrls"].as_array().unwrap().len(), 2);
    let missing =
        json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:none", "maxReceiveCount": 1});
    let input = json!({"QueueName": "lost", "Attributes": {"RedrivePolicy": missing.to_string()}});
    assert_eq!(client.act("CreateQueue", &input).await.status, 400);
}

/// Claim: digests, attributes, delays and batches are as the API reference has them.
#[tokio::test]
async fn messages_carry_what_was_sent() {
    let client = Client::start(|_| {}).await;
    let url = client.create("work", json!({})).await;
    let attributes = json!({
        "a.text": {"DataType": "String", "StringValue": "hello"},
        "a.bytes": {"DataType": "Binary.raw", "BinaryValue": "aGVsbG8="},
    });
    let sent = client
        .ok(
            "SendMessage",
            &json!({"QueueUrl": url, "MessageBody": "derp", "MessageAttributes": attributes}),
        )
        .await;
    assert_eq!(sent["MD5OfMessageBody"], "58fd9edd83341c29f1aebba81c31e257");
    let input =
        json!({"QueueUrl": url, "MessageAttributeNames": ["a.*"], "MessageSystemAttributeNames": ["All"]});
    let message = client.ok("ReceiveMessage", &input).await["Messages"][0].clone();
    assert_eq!(message["MessageId"], sent["MessageId"]);
    assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(message["MessageAttributes"], attributes);
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(message["Attributes"]["SenderId"], "000000000000");

    let entries = json!([
        {"Id": "now", "MessageBody": "x"},
        {"Id": "later", "MessageBody": "x", "DelaySeconds": "900"},
        {"Id": "bad", "MessageBody": ""},
    ]);
    let results = client
        .ok("SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries}))
        .await;
    assert_eq!(results["Successful"].as_array().unwrap().len(), 2);
    assert_eq!(results["Failed"][0]["Id"], "bad");
    assert_eq!(results["Failed"][0]["SenderFault"], true);
    let asked = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let described = client.ok("GetQueueAttributes", &asked).await["Attributes"].clone();
    assert_eq!(described["ApproximateNumberOfMessages"], "1");
    assert_eq!(described["ApproximateNumberOfMessagesDelayed"], "1");
    assert_eq!(described["ApproximateNumberOfMessagesNotVisible"], "1");
    assert_eq!(described["QueueArn"], "arn:aws:sqs:us-east-1:000000000000:work");
}

/// Claim: lists come in pages, deleted queues are gone with their messages, and a name can be used again at once.
#[tokio::test]
async fn queues_come_and_go() {
    let client = Client::start(|_| {}).await;
    for name in ["a1", "a2", "a3", "b1"] {
        client.create(name, json!({})).await;
    }
    let first = client
        .ok("ListQueues", &json!({"QueueNamePrefix": "a", "MaxResults": 2}))
        .await;
    assert_eq!(first["QueueUrls"].as_array().unwrap().len(), 2);
    let rest = json!({"QueueNamePrefix": "a", "MaxResults": 2, "NextToken": first["NextToken"]});
    let rest = client.ok("ListQueues", &rest).await;
    assert_eq!(rest["QueueUrls"].as_array().unwrap().len(), 1);
    assert_eq!(rest["NextToken"], Value::Null);
    let url = client.create("a1", json!({})).await;
    client
        .ok("SendMessage", &json!({"QueueUrl": url, "MessageBody": "x"}))
        .await;
    client.ok("DeleteQueue", &json!({"QueueUrl": url})).await;
    assert_eq!(
        client
            .act("ReceiveMessage", &json!({"QueueUrl": url}))
            .await
            .status,
        400
    );
    client.create("a1", json!({})).await;
    assert_eq!(
        client.ok("ReceiveMessage", &json!({"QueueUrl": url})).await,
        json!({})
    );
}

/// Claim: every bound is reached without harm: queues, stored bytes, length of a request, a request without a length.
#[tokio::test]
async fn bounds_refuse_and_recover() {
    let client = Client::start(|config: &mut ServerConfig| {
        config.queues = 1;
        config.message_bytes = 2048;
        config.stored_bytes = 4096;
    })
    .await;
    let url = client.create("only", json!({})).await;
    let more = client.act("CreateQueue", &json!({"QueueName": "more"})).await;
    assert_eq!(
        (more.status, more.header("x-amzn-query-error")),
        (403, Some("OverLimit;Sender"))
    );
    let send = json!({"QueueUrl": url, "MessageBody": "x".repeat(1500)});
    client.ok("SendMessage", &send).await;
    client.ok("SendMessage", &send).await;
    let full = client.act("SendMessage", &send).await;
    assert_eq!(
        full.header("x-amzn-query-error"),
        Some("RequestThrottled;Receiver")
    );
    client.ok("PurgeQueue", &json!({"QueueUrl": url})).await;
    client.ok("SendMessage", &send).await;
    let long = client
        .raw("SendMessage", &[("content-length", "1000000")], b"")
        .await;
    assert_eq!(long.status, 413);
    assert_eq!(
        client
            .raw("SendMessage", &[("transfer-encoding", "chunked")], b"0\r\n\r\n")
            .await
            .status,
        411
    );
    assert_eq!(client.act("ListQueues", &json!({})).await.status, 200);
}
