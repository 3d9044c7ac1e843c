//! `tally serve queue` as a process: what it acknowledged survives `kill -9`, it ends when told, and the AWS command line can
//! talk to it.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]
#![allow(clippy::print_stderr, reason = "what is skipped must be seen")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tally_model::QueueName;
use tally_ports::Queue;
use tally_sqs::{Credentials, Sqs, SqsConfig};
use tokio::sync::watch;

/// A running server; killed with this value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
            .args(["serve", "queue", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let announced: Value = serde_json::from_str(&line).unwrap();
        let address = announced["http"].as_str().unwrap().to_owned();
        Self { child, address }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn queues(&self) -> Sqs {
        let config = SqsConfig {
            endpoint: Some(self.endpoint()),
            credentials: Credentials::Unchecked,
            visibility: Duration::from_hours(1),
            receives: 1000,
            ..SqsConfig::default()
        };
        Sqs::connect(config).await.unwrap()
    }

    /// The body of `GET path`.
    fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        response.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end; returns its exit code.
    fn terminate(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bodies that a client was told are stored, and a way to wait for more.
type Acknowledged = watch::Sender<BTreeSet<String>>;

/// Sends until the server is gone; remembers what was acknowledged.
async fn send_forever(queues: Sqs, name: String, acknowledged: Acknowledged, gone: Arc<AtomicBool>) {
    for index in 0.. {
        let bodies: Vec<String> = (0..7).map(|part| format!("{name}-{index}-{part}")).collect();
        if queues.send(QueueName::Inbound, bodies.clone()).await.is_err() {
            assert!(gone.load(Ordering::SeqCst), "a send failed while the server ran");
            return;
        }
        acknowledged.send_modify(|acknowledged| acknowledged.extend(bodies));
    }
}

/// Everything that can be received.
async fn receive_all(queues: &Sqs) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let deliveries = queues
            .receive(QueueName::Inbound, 10, Duration::ZERO)
            .await
            .unwrap();
        if deliveries.is_empty() {
            return found;
        }
        found.extend(deliveries.into_iter().map(|delivery| delivery.body));
    }
}

/// Claim: whatever a client was told is stored is there after `kill -9` in the middle of its sending, three times over, and
/// the leases of before have ended.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_messages_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let (acknowledged, mut told) = watch::channel(BTreeSet::new());
    for round in 0..3 {
        let mut server = Server::start(directory.path());
        let queues = server.queues().await;
        let gone = Arc::new(AtomicBool::new(false));
        let enough = told.borrow().len() + 100 * (round + 1);
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let name = format!("{round}-{sender}");
                tokio::spawn(send_forever(
                    queues.clone(),
                    name,
                    acknowledged.clone(),
                    gone.clone(),
                ))
            })
            .collect();
        told.wait_for(|told| told.len() >= enough).await.unwrap();
        gone.store(true, Ordering::SeqCst);
        server.kill();
        for sender in senders {
            sender.await.unwrap();
        }
        let again = Server::start(directory.path());
        let found = receive_all(&again.queues().await).await;
        let told = told.borrow();
        let lost: Vec<_> = told.difference(&found).collect();
        assert!(
            lost.is_empty(),
            "acknowledged and lost in round {round}: {lost:?}"
        );
    }
}

/// Claim: SIGTERM ends it with success although somebody waits for a message, who is told that there is none.
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path());
    let queues = server.queues().await;
    assert_eq!(server.get("/healthz"), "ok\n");
    let waiting = tokio::spawn(async move {
        queues
            .receive(QueueName::Inbound, 1, Duration::from_secs(20))
            .await
    });
    // The poll is there when its connection is counted beside that of this question and those of the set-up.
    while !server.get("/metrics").contains("tally_sqs_polls 1") {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(waiting.await.unwrap().unwrap(), vec![]);
}

/// One call of the AWS command line; its answer.
fn aws(program: &Path, server: &Server, arguments: &[&str]) -> Value {
    let output = Command::new(program)
        .args([
            "--endpoint-url",
            &server.endpoint(),
            "--region",
            "us-east-1",
            "--output",
            "json",
            "sqs",
        ])
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "aws sqs {arguments:?}: {err}");
    if out.trim().is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("aws sqs {arguments:?}: {error}: {out}"))
}

fn command_line() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("TALLY_EMULATORS")?);
    Some(folder.join("bin/aws")).filter(|file| file.is_file())
}

/// Claim: the AWS command line makes a queue with a dead-letter queue, sends, receives, extends, deletes and lists.
#[test]
fn the_aws_command_line_talks_to_it() {
    let Some(program) = command_line() else {
        eprintln!(
            "SKIPPED: the AWS command line is not installed; run tests/emulators and set TALLY_EMULATORS"
        );
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let call = |arguments: &[&str]| aws(&program, &server, arguments);
    call(&["create-queue", "--queue-name", "dead"]);
    let policy = r#"{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":\"2\"}"}"#;
    let made = call(&["create-queue", "--queue-name", "work", "--attributes", policy]);
    let url = made["QueueUrl"].as_str().unwrap().to_owned();
    let attribute = r#"{"kind":{"DataType":"String","StringValue":"greeting"}}"#;
    call(&[
        "send-message",
        "--queue-url",
        &url,
        "--message-body",
        "hello",
        "--message-attributes",
        attribute,
    ]);
    let received = call(&[
        "receive-message",
        "--queue-url",
        &url,
        "--wait-time-seconds",
        "5",
        "--attribute-names",
        "All",
        "--message-attribute-names",
        "All",
    ]);
    let message = &received["Messages"][0];
    assert_eq!(message["Body"], "hello");
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(message["MessageAttributes"]["kind"]["StringValue"], "greeting");
    let receipt = message["ReceiptHandle"].as_str().unwrap();
    call(&[
        "change-message-visibility",
        "--queue-url",
        &url,
        "--receipt-handle",
        receipt,
        "--visibility-timeout",
        "60",
    ]);
    let attributes = call(&[
        "get-queue-attributes",
        "--queue-url",
        &url,
        "--attribute-names",
        "All",
    ]);
    assert_eq!(
        attributes["Attributes"]["ApproximateNumberOfMessagesNotVisible"],
        "1"
    );
    call(&["delete-message", "--queue-url", &url, "--receipt-handle", receipt]);
    call(&["purge-queue", "--queue-url", &url]);
    let listed = call(&["list-queues", "--queue-name-prefix", "w"]);
    assert_eq!(listed["QueueUrls"], serde_json::json!([url]));
    call(&["delete-queue", "--queue-url", &url]);
}
