//! The cluster service: makes the sets that are wanted, replaces members, deletes drained sets.
//!
//! It is the only writer of `sets/` and of its own notes under `fleet/`. It works level-triggered: every event ends in a pass
//! that compares what should be (`scale/`, `repair/`, `drained/`) with what is (records and pods) and takes the next step,
//! and nothing it needs to know is only in its memory. So it may die at any moment: the next one reads the same keys,
//! sees the same pods, and goes on. What must not be used twice, numbers of sets and incarnations of places, is durable
//! before it is used.

mod backoff;
mod election;
mod keys;
mod ledger;
mod pass;
mod place;
mod pods;
mod reconcile;
mod set;
mod snapshot;

use std::collections::BTreeMap;
use std::time::Duration;

use tally_consensus::mutant::{self, Mutant};
use tally_model::{
    Bounds, Change, Deadline, Instant, LeaderChange, Machine, NodeId, Observation, Operation, PlatformConfig,
    Protocol, Service, SetId, Step,
};

use crate::autoscaler::{SCALE_PREFIX, ScaleTarget};
use crate::port::{PortCommand, PortEvent};
pub use election::draw_leader;
pub use keys::{
    DRAINED_PREFIX, FLEET_PREFIX, LEADER_PREFIX, Led, REPAIR_PREFIX, SETS_PREFIX, drained_key, leader_key,
    lock_holder, lock_key, lock_of, record_key, repair_key,
};
use keys::{incarnation_in, next_key, places_key};
use ledger::Ledger;
use pass::Alarm;
use pods::{PodBook, Turn};
use set::Set;
use snapshot::Snapshot;

/// What can happen to a [`Fleet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Answers to writes and pod calls; the watches of keys and pods.
    Port(PortEvent),
    /// To [`Command::Describe`].
    Described {
        /// Which place was asked.
        node: NodeId,
        /// Which occupant.
        incarnation: u32,
        /// Where it was asked.
        address: String,
        /// Its public key as hexadecimal digits, or that it did not answer in time.
        result: Result<String, ()>,
    },
}

/// What a [`Fleet`] wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Writes, watches, pod and service calls.
    Port(PortCommand),
    /// Ask a pod that runs who it is, until it answers or the driver gives up; answered by [`Event::Described`].
    Describe {
        /// Its place.
        node: NodeId,
        /// Which occupant.
        incarnation: u32,
        /// Host and port of its gRPC server.
        address: String,
    },
    /// For the record.
    Observe(Observation),
}

/// What the configuration says about sets.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    bounds: Bounds,
    replicas: u8,
    /// Whether leaders are drawn here (`collect`); else the replicas elect theirs.
    draws: bool,
    /// Whether another is drawn when a leader is replaced; else its successor leads.
    redraws: bool,
    /// Whether a leader must hold the lock of its set.
    locks: bool,
    /// Replicas of a set that may be missing while it takes tasks.
    masked: usize,
    start_timeout: Duration,
    drain_timeout: Duration,
    pod_config: String,
}

/// A request to replace an occupant, as read.
#[derive(Clone, Copy, Debug)]
struct Asked {
    version: u64,
    incarnation: u32,
}

/// The machine. Wakes at once when it is new, to open its watches; acts once it has seen what exists.
#[derive(Debug)]
pub struct Fleet {
    plan: Plan,
    started: bool,
    /// What exists, until all of it has been read.
    snapshot: Option<Snapshot>,
    targets: [Option<u32>; 4],
    /// The next number of a set, by operation.
    next: [u32; 4],
    sets: BTreeMap<SetId, Set>,
    repairs: BTreeMap<NodeId, Asked>,
    drained: BTreeMap<SetId, u64>,
    leaders: BTreeMap<SetId, (u64, Led)>,
    ledger: Ledger,
    pods: PodBook,
    alarm: Alarm,
}

impl Fleet {
    /// With the seed, bounds, replication and waits of `config`; `pod_config` is the JSON handed to every pod.
    pub fn new(config: &PlatformConfig, pod_config: String) -> Self {
        let Bounds { min, max } = config.bounds;
        Self {
            plan: Plan {
                seed: config.seed,
                bounds: Bounds {
                    min,
                    max: if mutant::is(Mutant::NoCap) {
                        64
                    } else {
                        max.max(min)
                    },
                },
                replicas: config.replicas_per_set(),
                draws: config.protocol == Protocol::Collect,
                redraws: config.leader_change() == Some(LeaderChange::Election),
                locks: config.leader_lock && config.protocol == Protocol::Collect,
                masked: match config.protocol {
                    Protocol::Pbft | Protocol::Vote => usize::from(config.faulty()),
                    Protocol::Collect | Protocol::None => 0,
                },
                start_timeout: config.timing.start_timeout,
                drain_timeout: config.timing.drain_timeout,
                pod_config,
            },
            started: false,
            snapshot: Some(Snapshot::default()),
            targets: [None; 4],
            next: [1; 4],
            sets: BTreeMap::new(),
            repairs: BTreeMap::new(),
            drained: BTreeMap::new(),
            leaders: BTreeMap::new(),
            ledger: Ledger::default(),
            pods: PodBook::default(),
            alarm: Alarm::default(),
        }
    }

    fn start(&mut self, out: &mut Vec<Command>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let prefixes = [
            SETS_PREFIX,
            FLEET_PREFIX,
            SCALE_PREFIX,
            REPAIR_PREFIX,
            DRAINED_PREFIX,
            LEADER_PREFIX,
        ];
        let watches = prefixes.map(|prefix| PortCommand::Watch {
            prefix: prefix.to_owned(),
        });
        let services = Operation::ALL.map(|operation| {
            PortCommand::CreateService(Service {
                name: operation.name().to_owned(),
                operation,
                endpoints: Vec::new(),
            })
        });
        let commands = watches
            .into_iter()
            .chain([PortCommand::WatchPods])
            .chain(services);
        out.extend(commands.map(Command::Port));
    }

    fn port(&mut self, now: Instant, event: PortEvent, out: &mut Vec<Command>) {
        match event {
            PortEvent::Changed(prefix, changes) => self.changed(&prefix, changes),
            PortEvent::Pods(pods) => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.pods_seen();
                }
                let adopting = self.snapshot.is_some();
                for pod in pods {
                    let (node, kept) = (pod.node, adopting || self.keeps(pod.node, pod.incarnation));
                    if self.pods.saw(pod, kept) == Turn::Gone {
                        out.push(Command::Observe(
                            Observation::new(now, Step::PodGone).with_node(node),
                        ));
                    }
                }
            }
            PortEvent::PodCreated(name, answer) => {
                if let Some(node) = self.pods.created(now, &name, answer) {
                    out.push(Command::Observe(
                        Observation::new(now, Step::CallAccepted).with_node(node),
                    ));
                }
            }
            PortEvent::PodDeleted(name, answer) => self.pods.deleted(now, &name, answer),
            event => {
                if let Some((key, version)) = self.ledger.answered(now, &event) {
                    self.erased(&key, version);
                }
            }
        }
    }

    fn changed(&mut self, prefix: &str, changes: Vec<Change>) {
        match prefix {
            SCALE_PREFIX => self.targets_changed(&changes),
            REPAIR_PREFIX => changes.iter().for_each(|change| self.repair_changed(change)),
            DRAINED_PREFIX => changes.iter().for_each(|change| self.drained_changed(change)),
            LEADER_PREFIX => changes.iter().for_each(|change| self.leader_changed(change)),
            // Nobody else writes the rest: it is read once.
            _ => {}
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.read(prefix, changes, &mut self.ledger);
        }
    }

    fn targets_changed(&mut self, changes: &[Change]) {
        for change in changes {
            let name = change.key.strip_prefix(SCALE_PREFIX);
            let value = change.value.as_ref();
            let target = value.and_then(|v| serde_json::from_str::<ScaleTarget>(&v.value).ok());
            // A target that is deleted or cannot be read changes nothing.
            if let (Some(operation), Some(target)) = (name.and_then(Operation::from_name), target) {
                self.targets[operation.index()] = Some(target.wanted);
            }
        }
    }

    fn repair_changed(&mut self, change: &Change) {
        let node = change
            .key
            .strip_prefix(REPAIR_PREFIX)
            .and_then(|n| n.parse().ok());
        match (node, &change.value) {
            (Some(node), Some(value)) => {
                let (version, incarnation) = (value.version, incarnation_in(&value.value));
                match incarnation {
                    Some(incarnation) => {
                        self.repairs.insert(node, Asked { version, incarnation });
                    }
                    None => self.ledger.erase(change.key.clone(), version),
                }
            }
            (Some(node), None) => {
                self.repairs.remove(&node);
            }
            (None, Some(value)) => self.ledger.erase(change.key.clone(), value.version),
            (None, None) => {}
        }
    }

    fn drained_changed(&mut self, change: &Change) {
        let id = change
            .key
            .strip_prefix(DRAINED_PREFIX)
            .and_then(|id| id.parse().ok());
        match (id, &change.value) {
            (Some(id), Some(value)) => {
                self.drained.insert(id, value.version);
            }
            (Some(id), None) => {
                self.drained.remove(&id);
            }
            (None, Some(value)) => self.ledger.erase(change.key.clone(), value.version),
            (None, None) => {}
        }
    }

    fn leader_changed(&mut self, change: &Change) {
        let id = change
            .key
            .strip_prefix(LEADER_PREFIX)
            .and_then(|id| id.parse().ok());
        let Some(value) = &change.value else {
            id.map(|id| self.leaders.remove(&id));
            return;
        };
        match (id, serde_json::from_str(&value.value)) {
            (Some(id), Ok(led)) => {
                self.leaders.insert(id, (value.version, led));
            }
            _ => self.ledger.erase(change.key.clone(), value.version),
        }
    }

    /// Forgets a key of somebody else that is deleted, unless there is a newer one already.
    fn erased(&mut self, key: &str, version: u64) {
        self.repairs
            .retain(|&node, asked| asked.version != version || repair_key(node) != key);
        self.drained
            .retain(|&id, &mut seen| seen != version || drained_key(id) != key);
        self.leaders
            .retain(|&id, &mut (seen, _)| seen != version || leader_key(id) != key);
    }

    fn keeps(&self, node: NodeId, incarnation: u32) -> bool {
        let set = node.set().and_then(|id| self.sets.get(&id));
        set.is_some_and(|set| set.keeps(node, incarnation))
    }
}

impl Machine for Fleet {
    type Event = Event;
    type Command = Command;

    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Command>) {
        self.start(out);
        match event {
            Event::Port(event) => self.port(now, event, out),
            Event::Described {
                node,
                incarnation,
                address,
                result,
            } => {
                let who = result.ok().map(|public_key| (address, public_key));
                self.described(now, node, incarnation, who, out);
            }
        }
        self.reconcile(now, out);
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.start(out);
        self.reconcile(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        if self.started {
            return self.alarm.deadline();
        }
        Some(Deadline {
            at: Instant::ZERO,
            reason: "start",
        })
    }
}
