//! What the embedded store costs: one durable write, messages, and the whole journey of a request.
//!
//! Before the measurements it prints one line about the journey with the CPU it took, because the store shares the
//! machine with everything it serves.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails must stop")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use tally_embedded::{Embedded, Settings};
use tally_model::{Operation, Precondition, QueueName};
use tally_ports::{MetadataStore, Queue};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Requests under way at once.
const IN_FLIGHT: usize = 256;
/// About the size of a request or task in JSON.
const BODY: usize = 300;
/// About the size of an answer with two certificates.
const ANSWER: usize = 1500;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn open() -> (Embedded, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (
        Embedded::open(directory.path(), Settings::default()).unwrap(),
        directory,
    )
}

/// Sends a message and deletes whichever arrives.
async fn hop(store: &Embedded, queue: QueueName, body: String) {
    store.send(queue, vec![body]).await.unwrap();
    for delivery in store.receive(queue, 1, Duration::from_secs(5)).await.unwrap() {
        Queue::delete(store, queue, vec![delivery.receipt]).await.unwrap();
    }
}

/// What the store sees of a request with one task.
async fn journey(store: &Embedded, id: usize) {
    let body = "x".repeat(BODY);
    store
        .put(&format!("request/{id:032x}"), body.clone(), Precondition::Absent)
        .await
        .unwrap();
    hop(store, QueueName::Inbound, body.clone()).await;
    hop(store, QueueName::Layer(Operation::Add), body).await;
    let answer = "y".repeat(ANSWER);
    hop(store, QueueName::Outbound, answer.clone()).await;
    store
        .put(&format!("answer/{id:032x}"), answer, Precondition::Absent)
        .await
        .unwrap();
}

/// `count` journeys, `IN_FLIGHT` at a time.
async fn journeys(store: &Embedded, first: usize, count: usize) {
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(first));
    let lanes = (0..IN_FLIGHT).map(|_| {
        let (store, next) = (store.clone(), std::sync::Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let id = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if id >= first + count {
                    return;
                }
                journey(&store, id).await;
            }
        })
    });
    for lane in join_all(lanes).await {
        lane.unwrap();
    }
}

/// CPU time of this process, user and system, in units of 10 ms.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn report() {
    let runtime = runtime();
    let (store, directory) = open();
    for (name, first) in [
        ("empty", 0),
        ("20,000 answers in it", 20_000),
        ("40,000 answers in it", 40_000),
    ] {
        let (begin, busy) = (Instant::now(), cpu());
        runtime.block_on(journeys(&store, first, 20_000));
        let (took, busy) = (
            begin.elapsed().as_secs_f64(),
            cpu().saturating_sub(busy).as_secs_f64(),
        );
        let bytes = fs::metadata(directory.path().join("tally.redb")).map_or(0, |file| file.len());
        println!(
            "journey, {name}: {:.0} requests/s, {:.2} cores, {:.0} us CPU per request, file {} MiB",
            20_000.0 / took,
            busy / took,
            busy / 20_000.0 * 1e6,
            bytes >> 20
        );
    }
}

fn durable_put(criterion: &mut Criterion) {
    let runtime = runtime();
    let (store, _directory) = open();
    let mut group = criterion.benchmark_group("embedded");
    let value = "v".repeat(BODY);
    group.bench_function("durable put, alone", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(store.put("key", value.clone(), Precondition::Any))
                .unwrap()
        });
    });
    group.throughput(Throughput::Elements(64));
    group.bench_function("durable put, 64 at once", |bencher| {
        bencher.iter(|| {
            let puts = (0..64).map(|index| {
                let (store, value) = (store.clone(), value.clone());
                async move {
                    store
                        .put(&format!("key/{index}"), value, Precondition::Any)
                        .await
                        .unwrap()
                }
            });
            runtime.block_on(join_all(puts))
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("get", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(store.get("key")).unwrap()));
    });
    group.finish();
}

fn messages(criterion: &mut Criterion) {
    let runtime = runtime();
    let (store, _directory) = open();
    let mut group = criterion.benchmark_group("embedded");
    for batch in [1, 10, 256] {
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("send, receive, delete, {batch} at once"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    store
                        .send(QueueName::Inbound, vec!["x".repeat(BODY); batch])
                        .await
                        .unwrap();
                    let wait = Duration::from_secs(5);
                    let deliveries = store.receive(QueueName::Inbound, batch, wait).await.unwrap();
                    let receipts = deliveries.into_iter().map(|delivery| delivery.receipt).collect();
                    Queue::delete(&store, QueueName::Inbound, receipts).await.unwrap();
                });
            });
        });
    }
    group.finish();
}

fn all(criterion: &mut Criterion) {
    report();
    durable_put(criterion);
    messages(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
