//! What was acknowledged survives `kill -9` at any moment.
//!
//! The test starts itself again as a child that writes and prints what was acknowledged, kills it, and compares the file
//! with what was printed.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tally_embedded::{Embedded, Settings};
use tally_model::{Entry, Precondition, Put, QueueName, Versioned};
use tally_ports::{Joint, MetadataStore, Queue};

const SETTINGS: Settings = Settings {
    visibility: Duration::from_hours(1),
    receives: 1000,
};
/// Names the file for the child; absent in the test itself.
const CHILD: &str = "TALLY_KILL_TEST_FILE";
const ROUNDS: u64 = 10;

fn say(line: &str) {
    // One write per line, so that a line is there or not.
    std::io::stdout()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// The child: eight writers, until it is killed.
async fn write_forever(file: &Path, round: &str) {
    let embedded = Embedded::open(file, SETTINGS).unwrap();
    let writers = (0..8).map(|writer| {
        let embedded = embedded.clone();
        let round = round.to_owned();
        tokio::spawn(async move {
            for index in 0.. {
                let body = format!("{round}-{writer}-{index}");
                embedded
                    .send(QueueName::Inbound, vec![body.clone()])
                    .await
                    .unwrap();
                say(&format!("ack sent {body}"));
                let key = format!("answer/{}", index % 50);
                let put = embedded.put(&key, body.clone(), Precondition::Any).await.unwrap();
                let Put::Written(version) = put else {
                    panic!("{put:?}")
                };
                say(&format!("ack put {key} {version} {body}"));
                // The key of the entry is its message.
                let entry = format!("entry-{body}");
                let put = embedded.put_and_send(Entry {
                    key: entry.clone(),
                    value: body,
                    queue: QueueName::Outbound,
                    body: entry.clone(),
                });
                let Put::Written(_) = put.await.unwrap() else {
                    panic!("{entry} is new")
                };
                say(&format!("ack entered {entry}"));
                for delivery in embedded
                    .receive(QueueName::Inbound, 1, Duration::ZERO)
                    .await
                    .unwrap()
                {
                    say(&format!("ask delete {}", delivery.body));
                    Queue::delete(&embedded, QueueName::Inbound, vec![delivery.receipt])
                        .await
                        .unwrap();
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// What the children said that they were told.
#[derive(Default)]
struct Said {
    /// Acknowledged and nobody asked to delete it.
    kept: BTreeSet<String>,
    /// Somebody may have deleted it; it may be back.
    deleted: BTreeSet<String>,
    /// Acknowledged entries, each a key and a message.
    entered: BTreeSet<String>,
    /// Newest acknowledged value by key.
    put: BTreeMap<String, Versioned>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            // Output of the test harness precedes the child's first line.
            [.., "ack", "sent", body] if !self.deleted.contains(*body) => {
                self.kept.insert((*body).to_owned());
            }
            [.., "ack", "entered", entry] => {
                self.entered.insert((*entry).to_owned());
            }
            [.., "ask", "delete", body] => {
                self.kept.remove(*body);
                self.deleted.insert((*body).to_owned());
            }
            [.., "ack", "put", key, version, value] => {
                let new = Versioned {
                    value: (*value).to_owned(),
                    version: version.parse().unwrap(),
                };
                let old = self.put.entry((*key).to_owned()).or_insert_with(|| new.clone());
                if new.version > old.version {
                    *old = new;
                }
            }
            _ => {}
        }
    }

    /// Runs a child, kills it after it was told `acks` things, and listens to the end.
    fn run_child(&mut self, file: &Path, round: u64, acks: u64) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "acknowledged_writes_survive_kill_9", "--nocapture"])
            .env(CHILD, file)
            .env("TALLY_KILL_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let mut heard = 0;
        while heard < acks && output.read_line(&mut line).unwrap() > 0 {
            heard += u64::from(line.contains("ack "));
            self.hear(line.trim_end());
            line.clear();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(heard, acks, "the child ended by itself");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        // The last line may have been cut off.
        rest.lines()
            .filter(|_| rest.ends_with('\n'))
            .for_each(|line| self.hear(line));
    }

    async fn compare(&self, file: &Path) {
        let embedded = Embedded::open(file, SETTINGS).unwrap();
        let deliveries = embedded
            .receive(QueueName::Inbound, usize::MAX, Duration::ZERO)
            .await
            .unwrap();
        let found: BTreeSet<&String> = deliveries.iter().map(|delivery| &delivery.body).collect();
        assert_eq!(found.len(), deliveries.len(), "a message is there twice");
        let lost: Vec<_> = self.kept.iter().filter(|body| !found.contains(body)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let entries = embedded.list("entry-", usize::MAX).await.unwrap();
        let keys: BTreeSet<String> = entries.into_iter().map(|(key, _)| key).collect();
        let messages = embedded
            .receive(QueueName::Outbound, usize::MAX, Duration::ZERO)
            .await
            .unwrap();
        let messages: BTreeSet<String> = messages.into_iter().map(|delivery| delivery.body).collect();
        assert_eq!(
            keys, messages,
            "a key without its message, or a message without its key"
        );
        assert!(self.entered.is_subset(&keys), "an acknowledged entry is lost");
        for (key, acknowledged) in &self.put {
            let stored = embedded.get(key).await.unwrap();
            let stored = stored.unwrap_or_else(|| panic!("{key} was acknowledged and is gone"));
            assert!(
                stored.version >= acknowledged.version,
                "{key}: {stored:?} is older than {acknowledged:?}"
            );
            assert!(
                stored.version > acknowledged.version || stored == *acknowledged,
                "{key} differs"
            );
        }
    }
}

/// Claim: after each of ten kills, everything acknowledged and not deleted is there, and no key is older than its newest
/// acknowledged value; a key and a message that were one write are both there or both not.
#[test]
fn acknowledged_writes_survive_kill_9() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(file) = std::env::var_os(CHILD) {
        let round = std::env::var("TALLY_KILL_TEST_ROUND").unwrap();
        runtime.block_on(write_forever(file.as_ref(), &round));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tally.redb");
    let mut said = Said::default();
    for round in 0..ROUNDS {
        // Anywhere between the first commit and some thousand writes; the exact moment is the scheduler's.
        said.run_child(&file, round, 1 + round * round * 37);
        runtime.block_on(said.compare(&file));
    }
    assert!(!said.put.is_empty() && !said.deleted.is_empty() && !said.entered.is_empty());
}
