//! What the scheduler tells other roles in passing, through the metadata store: keys that only the newest value of counts.
//!
//! | key | written by | read by | value |
//! |---|---|---|---|
//! | `arrivals/<op>` | scheduler | autoscaler | tasks enqueued in this life of the scheduler |
//! | `lost/<node>` | scheduler | admin, which deletes it | a stream to the node broke |
//!
//! A hint that is lost costs time only: depths and probes say the same later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_model::{Change, NodeId, Operation, Precondition};
use tally_ports::{MetadataStore, Watch};
use tally_process::scheduler::Hints;
use tally_process::{Room, World};
use tally_roles::{admin, autoscaler};
use tally_runtime::Inbox;
use tokio::sync::{Notify, mpsc};

const ARRIVALS: &str = "arrivals/";
const LOST: &str = "lost/";
/// Pause after the store failed.
const PAUSE: Duration = Duration::from_millis(200);
/// Broken streams that may wait to be told; more are found by probes.
const LOST_MAX: usize = 1_024;

/// The value of an `arrivals/` key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Arrivals {
    /// Which life of the scheduler counts.
    life: u64,
    /// What it enqueued so far.
    count: u64,
}

#[derive(Debug, Default)]
struct Counters {
    counts: [AtomicU64; 4],
    changed: Notify,
}

/// The scheduler's side.
pub(crate) fn tell<W: World>(room: &Room<W>) -> Hints {
    let counters = Arc::new(Counters::default());
    let (lost, broken) = mpsc::channel(LOST_MAX);
    room.tasks.spawn(publish(room.clone(), Arc::clone(&counters)));
    room.tasks.spawn(publish_lost(room.clone(), broken));
    Hints {
        enqueued: Box::new(move |operation: Operation, count| {
            counters.counts[operation.index()].fetch_add(count, Ordering::Relaxed);
            counters.changed.notify_one();
        }),
        lost: Box::new(move |node| {
            let _ = lost.try_send(node);
        }),
    }
}

/// One write at a time: what is counted meanwhile goes with the next.
async fn publish<W: World>(room: Room<W>, counters: Arc<Counters>) {
    let life = rand::random();
    let mut told = [0; 4];
    while room
        .shutdown
        .run_until_cancelled(counters.changed.notified())
        .await
        .is_some()
    {
        for operation in Operation::ALL {
            let count = counters.counts[operation.index()].load(Ordering::Relaxed);
            if count == told[operation.index()] {
                continue;
            }
            let key = format!("{ARRIVALS}{operation}");
            if put(&room, &key, &Arrivals { life, count }).await {
                told[operation.index()] = count;
            } else {
                tokio::time::sleep(PAUSE).await;
                counters.changed.notify_one();
            }
        }
    }
}

async fn publish_lost<W: World>(room: Room<W>, mut broken: mpsc::Receiver<NodeId>) {
    while let Some(Some(node)) = room.shutdown.run_until_cancelled(broken.recv()).await {
        let _told = put(&room, &format!("{LOST}{node}"), &()).await;
    }
}

async fn put<W: World>(room: &Room<W>, key: &str, value: &impl Serialize) -> bool {
    let Ok(value) = serde_json::to_string(value) else {
        return false;
    };
    match room.ports.metadata.put(key, value, Precondition::Any).await {
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, key, "a hint was not told");
            false
        }
    }
}

/// The autoscaler's side.
pub(crate) fn hear_arrivals<W: World>(room: &Room<W>, inbox: Inbox<autoscaler::Event>) {
    let mut heard = Heard::default();
    let read = move |first, changes: Vec<Change>| {
        for change in changes {
            if let Some(event) = heard.read(first, &change) {
                // A full inbox means that it has plenty to look at already.
                let _ = inbox.try_send(event);
            }
        }
        Vec::new()
    };
    room.tasks.spawn(follow(room.clone(), ARRIVALS, read));
}

/// What was heard of arrivals so far.
#[derive(Debug, Default)]
struct Heard(BTreeMap<Operation, Arrivals>);

impl Heard {
    fn read(&mut self, first: bool, change: &Change) -> Option<autoscaler::Event> {
        let operation = Operation::from_name(change.key.strip_prefix(ARRIVALS)?)?;
        let now: Arrivals = serde_json::from_str(&change.value.as_ref()?.value).ok()?;
        let before = self.0.insert(operation, now);
        let count = match before {
            Some(before) if before.life == now.life => now.count.saturating_sub(before.count),
            // What was counted before this role came is in the depth already.
            None if first => 0,
            _ => now.count,
        };
        (count > 0).then_some(autoscaler::Event::Enqueued { operation, count })
    }
}

/// The admin's side.
pub(crate) fn hear_lost<W: World>(room: &Room<W>, inbox: Inbox<admin::Event>) {
    let read = move |_, changes: Vec<Change>| {
        let told = changes.into_iter().filter(|change| change.value.is_some());
        let keys: Vec<String> = told.map(|change| change.key).collect();
        for node in keys.iter().filter_map(|key| key.strip_prefix(LOST)?.parse().ok()) {
            let _ = inbox.try_send(admin::Event::PeerLost { node });
        }
        keys
    };
    room.tasks.spawn(follow(room.clone(), LOST, read));
}

/// Shows `read` every change of keys with the prefix; deletes the keys it returns.
async fn follow<W: World>(
    room: Room<W>,
    prefix: &'static str,
    mut read: impl FnMut(bool, Vec<Change>) -> Vec<String> + Send,
) {
    let shutdown = room.shutdown.clone();
    let work = async {
        let mut first = true;
        loop {
            if let Ok(mut watch) = room.ports.metadata.watch(prefix).await {
                while let Ok(changes) = watch.next().await {
                    for key in read(std::mem::take(&mut first), changes) {
                        let _deleted = room.ports.metadata.delete(&key, Precondition::Any).await;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! { () = work => {}, () = shutdown.cancelled() => {} }
}

#[cfg(test)]
mod tests {
    use tally_model::Versioned;

    use super::*;

    fn change(life: u64, count: u64) -> Change {
        Change {
            key: "arrivals/mul".into(),
            value: Some(Versioned {
                value: serde_json::to_string(&Arrivals { life, count }).unwrap(),
                version: 1,
            }),
        }
    }

    /// Skipped values cost nothing, a new life of the scheduler counts from its start, and what was there before is not new.
    #[test]
    fn arrivals_are_the_differences() {
        let mut heard = Heard::default();
        let mut count = |first, change: &Change| match heard.read(first, change) {
            Some(autoscaler::Event::Enqueued { operation, count }) => {
                assert_eq!(operation, Operation::Mul);
                count
            }
            _ => 0,
        };
        assert_eq!(count(true, &change(1, 100)), 0);
        assert_eq!(count(false, &change(1, 107)), 7);
        assert_eq!(count(false, &change(1, 107)), 0);
        assert_eq!(count(false, &change(2, 3)), 3);
        let mut fresh = Heard::default();
        assert!(fresh.read(false, &change(5, 2)).is_some());
    }
}
