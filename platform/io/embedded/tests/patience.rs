//! What nobody waits for is written together with what somebody waits for.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use std::future::Future;
use std::task::{Context, Poll, Waker};

use tally_embedded::{Embedded, Settings};
use tally_model::{Operation, Precondition, QueueName};
use tally_ports::{MetadataStore, Queue};

const LAYER: QueueName = QueueName::Layer(Operation::Add);

/// Whether the future is ready when looked at once.
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_task_is_durable_with_the_put_that_follows_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path(), Settings::default()).unwrap();
    let mut task = std::pin::pin!(store.send(LAYER, vec!["task".to_owned()]));
    assert!(poll_once(task.as_mut()).is_pending());
    store
        .put("answer/1", "7".to_owned(), Precondition::Absent)
        .await
        .unwrap();
    assert!(matches!(poll_once(task.as_mut()), Poll::Ready(Ok(()))));
}

#[tokio::test]
async fn a_task_that_nothing_follows_is_durable_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path(), Settings::default()).unwrap();
    store.send(LAYER, vec!["task".to_owned()]).await.unwrap();
    drop(store);
    let again = Embedded::open(directory.path(), Settings::default()).unwrap();
    assert_eq!(again.depth(LAYER).await.unwrap().visible, 1);
}
