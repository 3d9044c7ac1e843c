//! Durable messages per second and the time from send to receive: `tally serve queue` beside moto, one after the other in one
//! run, through the same client, by the real SDK.
//!
//! Both servers are processes of their own. Ours writes every message to disk before it answers; moto keeps them in memory.
//! moto is measured only if it is installed (`tests/emulators`, `TALLY_EMULATORS`).

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails must stop")]
#![allow(clippy::print_stderr, reason = "what is skipped must be seen")]
#![allow(dead_code, reason = "shared with tests that use more of it")]

#[path = "../tests/conformance/emulator.rs"]
mod emulator;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use hdrhistogram::Histogram;
use tally_model::{Delivery, Operation, QueueName};
use tally_ports::Queue;
use tally_sqs::{Credentials, Sqs, SqsConfig};
use tally_sqs_server::ServerConfig;

/// Tells the program that it is the server, and where its file is.
const SERVER: &str = "TALLY_BENCH_QUEUE";
/// About the size of a task in JSON.
const BODY: usize = 300;
/// Senders, and as many receivers.
const LANES: usize = 8;
/// Messages of one call, as the platform's batches are when there is work.
const BATCH: usize = 10;
const CROWD: QueueName = QueueName::Inbound;
const PAIR: QueueName = QueueName::Layer(Operation::Add);

/// Our server; killed with this value.
struct Ours {
    child: Child,
    endpoint: String,
    _directory: tempfile::TempDir,
}

impl Ours {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(SERVER, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let announced: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            endpoint: format!("http://{}", announced["http"].as_str().unwrap()),
            _directory: directory,
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was measured of one server.
struct Figures {
    /// Messages sent, received and deleted per second, all at once.
    throughput: f64,
    /// From before the send of a message to after its receive, one at a time, in nanoseconds.
    latency: Histogram<u64>,
}

async fn measure(endpoint: String, messages: usize, pairs: usize) -> Figures {
    let config = SqsConfig {
        endpoint: Some(endpoint),
        credentials: Credentials::Unchecked,
        prefix: "bench-".to_owned(),
        ..SqsConfig::default()
    };
    let queues = Sqs::connect(config).await.unwrap();
    let latency = latency(&queues, pairs).await;
    let throughput = throughput(&queues, messages).await;
    Figures { throughput, latency }
}

async fn delete(queues: &Sqs, queue: QueueName, deliveries: Vec<Delivery>) {
    let receipts = deliveries.into_iter().map(|one| one.receipt).collect();
    queues.delete(queue, receipts).await.unwrap();
}

async fn throughput(queues: &Sqs, messages: usize) -> f64 {
    let body = "x".repeat(BODY);
    let (left, done) = (
        Arc::new(AtomicUsize::new(messages)),
        Arc::new(AtomicUsize::new(0)),
    );
    let begin = Instant::now();
    let senders = (0..LANES).map(|_| {
        let (queues, left, body) = (queues.clone(), Arc::clone(&left), body.clone());
        tokio::spawn(async move {
            let take = |left: usize| left.checked_sub(BATCH);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
            {
                queues.send(CROWD, vec![body.clone(); BATCH]).await.unwrap();
            }
        })
    });
    let receivers = (0..LANES).map(|_| {
        let (queues, done) = (queues.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while done.load(Ordering::Relaxed) < messages {
                let deliveries = queues
                    .receive(CROWD, BATCH, Duration::from_secs(1))
                    .await
                    .unwrap();
                if !deliveries.is_empty() {
                    let count = deliveries.len();
                    delete(&queues, CROWD, deliveries).await;
                    done.fetch_add(count, Ordering::Relaxed);
                }
            }
            Instant::now()
        })
    });
    let (senders, receivers): (Vec<_>, Vec<_>) = (senders.collect(), receivers.collect());
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    // The receiver that deletes the last message ends first; the others are still waiting for nothing.
    let ends = join_all(receivers).await.into_iter().map(Result::unwrap);
    let end = ends.min().unwrap();
    messages as f64 / (end - begin).as_secs_f64()
}

async fn latency(queues: &Sqs, pairs: usize) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).unwrap();
    for _ in 0..pairs {
        let waiting = {
            let queues = queues.clone();
            tokio::spawn(async move {
                let deliveries = queues.receive(PAIR, 1, Duration::from_secs(20)).await.unwrap();
                (Instant::now(), deliveries)
            })
        };
        let sent = Instant::now();
        queues.send(PAIR, vec!["x".repeat(BODY)]).await.unwrap();
        let (received, deliveries) = waiting.await.unwrap();
        histogram.record((received - sent).as_nanos() as u64).unwrap();
        delete(queues, PAIR, deliveries).await;
    }
    histogram
}

fn report(name: &str, figures: &Figures) {
    let millis = |quantile| figures.latency.value_at_quantile(quantile) as f64 / 1e6;
    println!(
        "{name}: {:.0} messages/s; send to receive p50 {:.2} ms, p99 {:.2} ms ({} messages)",
        figures.throughput,
        millis(0.5),
        millis(0.99),
        figures.latency.len()
    );
}

fn main() {
    if let Some(data) = std::env::var_os(SERVER) {
        tally_sqs_server::serve(ServerConfig::new(([127, 0, 0, 1], 0).into(), data)).unwrap();
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Ours::start();
        let ours = measure(server.endpoint.clone(), 20_000, 1000).await;
        report("tally serve queue (durable)", &ours);
        drop(server);
        let Some(moto) = emulator::Emulator::start(emulator::Kind::Moto).await else {
            return;
        };
        let theirs = measure(moto.endpoint(), 500, 100).await;
        report("moto (in memory)", &theirs);
        println!(
            "ratio: {:.0} times as many messages per second",
            ours.throughput / theirs.throughput
        );
    });
}
