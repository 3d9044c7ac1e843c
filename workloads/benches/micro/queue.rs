//! The embedded queue, durable on disk.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use tally_embedded::{Embedded, Settings};
use tally_model::QueueName;
use tally_ports::Queue;
use tokio::runtime::Runtime;

/// Bytes of a message: about a task in JSON.
const BODY: usize = 300;
const QUEUE: QueueName = QueueName::Inbound;

pub(crate) fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), Settings::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("queue");
    for messages in [1_usize, 64] {
        group.throughput(Throughput::Elements(messages as u64));
        group.bench_function(format!("send-receive-delete-{messages}"), |bencher| {
            bencher.iter(|| journey(&runtime, &store, messages));
        });
    }
    group.finish();
}

/// Sends durably, receives everything, deletes it.
fn journey(runtime: &Runtime, store: &Embedded, messages: usize) {
    runtime.block_on(async {
        store.send(QUEUE, vec!["x".repeat(BODY); messages]).await.unwrap();
        let mut left = messages;
        while left > 0 {
            let deliveries = store.receive(QUEUE, left, Duration::from_secs(5)).await.unwrap();
            left -= deliveries.len();
            let receipts = deliveries.into_iter().map(|delivery| delivery.receipt).collect();
            assert_eq!(Queue::delete(store, QUEUE, receipts).await.unwrap(), 0);
        }
    });
}
