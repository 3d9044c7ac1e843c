//! What the status page tells: kept up to date by the watch on sets and by looking at the depths, read without waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tally_http::{LayerStatus, PlatformStatus, StatusSource};
use tally_model::{
    Change, Depth, Observation, Operation, PlatformConfig, QueueName, SetId, SetRecord, SetState, Step,
};
use tally_ports::{MetadataStore, Queue, Watch};

use crate::history::History;
use crate::memory::resident_bytes;
use crate::{Room, World};

/// How often depths are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Pause before a lost watch is opened again.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Seen {
    current: BTreeMap<SetId, SetRecord>,
    depths: [Depth; 4],
    dead: u64,
    faults: u64,
}

/// The newest view of the platform.
#[derive(Debug)]
pub struct Status {
    platform: PlatformConfig,
    history: History,
    seen: Mutex<Seen>,
}

impl Status {
    /// Of this platform; `history` goes on where it ended.
    pub fn new(platform: PlatformConfig, history: History) -> Self {
        Self {
            platform,
            history,
            seen: Mutex::default(),
        }
    }

    /// A set record is about to be stored.
    pub fn keep(&self, record: &str) {
        self.history.keep(record);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts faults.
    pub fn note(&self, observation: &Observation) {
        if observation.step == Step::FaultRaised {
            self.with(|seen| seen.faults += 1);
        }
    }

    fn changed(&self, changes: Vec<Change>) {
        self.with(|seen| {
            for change in changes {
                let Some(id) = change.key.strip_prefix("sets/").and_then(|id| id.parse().ok()) else {
                    continue;
                };
                let record = change
                    .value
                    .and_then(|value| serde_json::from_str::<SetRecord>(&value.value).ok());
                match record {
                    Some(record) => drop(seen.current.insert(id, record)),
                    None => drop(seen.current.remove(&id)),
                }
            }
        });
    }
}

impl StatusSource for Status {
    fn status(&self) -> PlatformStatus {
        self.with(|seen| {
            let count = |operation: Operation, wanted: &dyn Fn(SetState) -> bool| {
                let sets = seen.current.values();
                sets.filter(|set| set.id.operation == operation && wanted(set.state))
                    .count() as u32
            };
            let layer = |operation: Operation| LayerStatus {
                operation,
                visible: seen.depths[operation.index()].visible,
                in_flight: seen.depths[operation.index()].in_flight,
                ready: count(operation, &|state| state == SetState::Ready),
                starting: count(operation, &|state| {
                    matches!(state, SetState::Starting | SetState::Fenced)
                }),
            };
            PlatformStatus {
                layers: Operation::ALL.map(layer).to_vec(),
                sets: seen.current.len() as u32,
                faults: seen.faults,
                dead: seen.dead,
                rss_bytes: Some(resident_bytes()),
                config: Some(self.platform.clone()),
            }
        })
    }

    fn sets(&self) -> Vec<SetRecord> {
        // What is stored now comes last: of several records of a set the last one counts.
        let mut records = self.history.records();
        self.with(|seen| records.extend(seen.current.values().cloned()));
        records
    }
}

/// Starts to keep the view up to date.
pub fn start<W: World>(room: &Room<W>, status: &Arc<Status>) {
    let (watcher, watched) = (room.clone(), Arc::clone(status));
    let (looker, looked) = (room.clone(), Arc::clone(status));
    room.tasks.spawn(async move {
        let shutdown = watcher.shutdown.clone();
        tokio::select! { () = watch(&watcher, &watched) => {}, () = shutdown.cancelled() => {} }
    });
    room.tasks.spawn(async move {
        let shutdown = looker.shutdown.clone();
        tokio::select! { () = look(&looker, &looked) => {}, () = shutdown.cancelled() => {} }
    });
}

async fn watch<W: World>(room: &Room<W>, status: &Status) {
    loop {
        if let Ok(mut watch) = room.ports.metadata.watch("sets/").await {
            while let Ok(changes) = watch.next().await {
                status.changed(changes);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Depth is approximate by contract and has no event of its own.
async fn look<W: World>(room: &Room<W>, status: &Status) {
    loop {
        let mut depths = [Depth::default(); 4];
        for operation in Operation::ALL {
            if let Ok(depth) = room.ports.queue.depth(QueueName::Layer(operation)).await {
                depths[operation.index()] = depth;
            }
        }
        let dead = room
            .ports
            .queue
            .depth(QueueName::Dead)
            .await
            .map_or(0, |depth| depth.visible);
        status.with(|seen| {
            seen.depths = depths;
            seen.dead = dead;
        });
        tokio::time::sleep(LOOK).await;
    }
}
