//! A key and a message in one write: both or neither, and the message soon.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use std::time::Duration;

use tally_embedded::{Embedded, Settings};
use tally_model::{Entry, Precondition, Put, QueueName};
use tally_ports::{Joint, MetadataStore, Queue};

const INBOUND: QueueName = QueueName::Inbound;

fn entry(value: &str, body: String) -> Entry {
    Entry {
        key: "request/1".to_owned(),
        value: value.to_owned(),
        queue: INBOUND,
        body,
    }
}

async fn enter(store: &Embedded, value: &str) -> Put {
    store
        .put_and_send(entry(value, format!("body of {value}")))
        .await
        .unwrap()
}

/// The first writes key and message, which both outlive the process; whoever comes second is shown what is there, and its message
/// was never sent.
#[tokio::test]
async fn only_the_first_is_written_and_sent() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path(), Settings::default()).unwrap();
    assert!(matches!(enter(&store, "first").await, Put::Written(_)));
    match enter(&store, "second").await {
        Put::Refused(Some(there)) => assert_eq!(there.value, "first"),
        other => panic!("{other:?}"),
    }
    drop(store);
    let again = Embedded::open(directory.path(), Settings::default()).unwrap();
    assert_eq!(again.get("request/1").await.unwrap().unwrap().value, "first");
    let deliveries = again.receive(INBOUND, 10, Duration::from_secs(1)).await.unwrap();
    let bodies: Vec<&str> = deliveries.iter().map(|delivery| delivery.body.as_str()).collect();
    assert_eq!(bodies, ["body of first"]);
}

/// What was put before refuses the message as well, and a deleted message does not come back.
#[tokio::test]
async fn a_message_of_a_refused_key_is_never_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path(), Settings::default()).unwrap();
    store
        .put("request/1", "taken".to_owned(), Precondition::Absent)
        .await
        .unwrap();
    assert!(matches!(enter(&store, "late").await, Put::Refused(Some(_))));
    assert_eq!(store.depth(INBOUND).await.unwrap().visible, 0);
    MetadataStore::delete(&store, "request/1", Precondition::Any)
        .await
        .unwrap();
    assert!(matches!(enter(&store, "now").await, Put::Written(_)));
    let deliveries = store.receive(INBOUND, 10, Duration::from_secs(1)).await.unwrap();
    let receipts = deliveries.into_iter().map(|delivery| delivery.receipt).collect();
    assert_eq!(Queue::delete(&store, INBOUND, receipts).await.unwrap(), 0);
    drop(store);
    let again = Embedded::open(directory.path(), Settings::default()).unwrap();
    assert_eq!(again.depth(INBOUND).await.unwrap().visible, 0);
}

/// What is larger than its limit is refused by name, and nothing of it is written.
#[tokio::test]
async fn what_is_too_large_is_refused_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path(), Settings::default()).unwrap();
    let body = "x".repeat(tally_embedded::BODY_LIMIT + 1);
    let refused = store.put_and_send(entry("value", body));
    assert!(refused.await.unwrap_err().to_string().contains("body"));
    assert!(store.get("request/1").await.unwrap().is_none());
}
