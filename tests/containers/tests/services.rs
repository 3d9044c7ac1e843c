//! Services in containers answer, and are gone with the value that holds them.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use tally_containers::services;

/// The content type that etcd wants.
const JSON: &str = "Content-Type: application/json";

fn is_there(container: &str) -> bool {
    let output = Command::new("docker")
        .args(["ps", "-aq", "--no-trunc"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().contains(container)
}

/// One request of HTTP/1.0, and all that comes back.
fn ask(address: &str, path: &str, header: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.0\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What is put is there; the container is not, once the value is dropped.
#[test]
fn etcd_keeps_what_it_is_given_and_goes_with_its_value() {
    if let Some(why) = tally_containers::missing() {
        eprintln!("SKIPPED: {why}: no service was started");
        return;
    }
    let etcd = services::etcd().unwrap();
    let address = etcd.address().unwrap();
    // "a" and "1" in base 64, as etcd's JSON gateway wants them.
    let put = ask(
        &address,
        "/v3/kv/put",
        JSON,
        r#"{"key": "YQ==", "value": "MQ=="}"#,
    );
    assert!(put.contains("\"revision\""), "{put}");
    let range = ask(&address, "/v3/kv/range", JSON, r#"{"key": "YQ=="}"#);
    assert!(range.contains("\"value\":\"MQ==\""), "{range}");
    let id = etcd.id().to_owned();
    assert!(is_there(&id));
    drop(etcd);
    assert!(!is_there(&id));
}

/// A message sent is received, in the protocol of Amazon SQS.
#[test]
fn the_queue_server_gives_what_it_was_given() {
    if let Some(why) = tally_containers::missing() {
        eprintln!("SKIPPED: {why}: no service was started");
        return;
    }
    let image = Command::new("docker")
        .args(["image", "inspect", "tally:dev"])
        .output()
        .unwrap();
    if !image.status.success() {
        eprintln!(
            "SKIPPED: there is no image tally:dev (deploy/image.sh makes it): the queue server was not started"
        );
        return;
    }
    let queue = services::queue().unwrap();
    let address = queue.address().unwrap();
    let call = |action: &str, body: &str| {
        let header = format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}");
        ask(&address, "/", &header, body)
    };
    let created = call("CreateQueue", r#"{"QueueName": "q"}"#);
    let url = created
        .split('"')
        .find(|part| part.starts_with("http"))
        .unwrap_or_else(|| panic!("{created}"));
    let sent = call(
        "SendMessage",
        &format!(r#"{{"QueueUrl": "{url}", "MessageBody": "hello"}}"#),
    );
    assert!(sent.contains("MessageId"), "{sent}");
    let received = call(
        "ReceiveMessage",
        &format!(r#"{{"QueueUrl": "{url}", "WaitTimeSeconds": 5}}"#),
    );
    assert!(received.contains("\"hello\""), "{received}");
}
