//! The sets as the metadata store tells of them, how loaded they are, and whose certificates count.

use std::collections::{BTreeMap, BTreeSet};

use tally_consensus::Verifier;
use tally_consensus::mutant::{self, Mutant};
use tally_model::{
    Change, Instant, NodeId, Operation, PlatformConfig, Precondition, SetId, SetRecord, SetState,
};

use super::flight::Flights;
use super::{Command, Scheduler};
use crate::admin::RAISE_AGAIN;
use crate::fleet::{Led, leader_key};
use crate::packet::{Packet, TaskDone};
use crate::port::PortCommand;

/// Tasks at a worker whose service time passes: one in work, one at hand.
const PIPELINE_WITH_WORK: usize = 2;

#[derive(Debug)]
struct Set {
    record: SetRecord,
    reachable: bool,
    answered: bool,
    drained: bool,
    /// The worker that was last blamed for a wrong answer, and when.
    blamed: Option<(u32, Instant)>,
}

impl Set {
    /// Its worker gave a wrong answer and is to be replaced. To give it tasks meanwhile would be to ask for more of them, as fast as it
    /// can say them.
    fn is_distrusted(&self, now: Instant) -> bool {
        let current = self.record.worker.as_ref().map(|worker| worker.incarnation);
        self.blamed
            .is_some_and(|(blamed, at)| current == Some(blamed) && now.since(at) < RAISE_AGAIN)
    }
}

/// All sets.
#[derive(Debug)]
pub(super) struct Sets {
    config: PlatformConfig,
    verifier: Verifier,
    table: BTreeMap<SetId, Set>,
}

impl Sets {
    pub(super) fn new(config: &PlatformConfig, cluster: [u8; 16]) -> Self {
        Self {
            config: config.clone(),
            verifier: Verifier::new(cluster, config.clone()),
            table: BTreeMap::new(),
        }
    }

    pub(super) fn record(&self, set: SetId) -> Option<&SetRecord> {
        self.table.get(&set).map(|set| &set.record)
    }

    fn pipeline(&self, operation: Operation) -> usize {
        if self.config.takes_time(operation) {
            PIPELINE_WITH_WORK.min(self.config.limits.in_flight)
        } else {
            self.config.limits.in_flight
        }
    }

    fn open(&self, now: Instant, operation: Operation) -> impl Iterator<Item = SetId> + '_ {
        self.table
            .values()
            .filter(move |set| {
                set.record.id.operation == operation && set.record.state == SetState::Ready && set.reachable
            })
            .filter(move |set| !set.is_distrusted(now))
            .map(|set| set.record.id)
    }

    /// Whether tasks of an operation may have to wait for a worker that was blamed: to be replaced, or to be tried again.
    pub(super) fn distrusts(&self, now: Instant, operation: Operation) -> bool {
        let mut sets = self
            .table
            .values()
            .filter(|set| set.record.id.operation == operation);
        sets.any(|set| set.is_distrusted(now))
    }

    /// How many more tasks the sets of an operation can take.
    pub(super) fn room(&self, now: Instant, operation: Operation, flights: &Flights) -> usize {
        let pipeline = self.pipeline(operation);
        self.open(now, operation)
            .map(|set| pipeline.saturating_sub(flights.at(set)))
            .sum()
    }

    /// The set with the fewest tasks in flight that has room for one more.
    pub(super) fn least_loaded(
        &self,
        now: Instant,
        operation: Operation,
        flights: &Flights,
    ) -> Option<SetId> {
        let pipeline = self.pipeline(operation);
        self.open(now, operation)
            .map(|set| (flights.at(set), set))
            .filter(|(load, _)| *load < pipeline)
            .min()
            .map(|(_, set)| set)
    }

    /// Checks that a set stands behind an answer; says what is wrong otherwise.
    pub(super) fn verify(&mut self, id: SetId, done: &TaskDone) -> Result<(), String> {
        if self.config.replicas_per_set() == 0 || mutant::is(Mutant::TrustWorkers) {
            return Ok(());
        }
        let bytes = done.certificate.as_ref().ok_or("there is no certificate")?;
        let verified = self.verifier.verify(id, &done.job, &done.outcome, bytes);
        verified.map(|_| ()).map_err(|flaw| flaw.to_string())
    }

    /// Which occupant to blame for a wrong answer: once for each, and again if nothing came of it, because what is on the fault bus may
    /// be lost there.
    pub(super) fn blame(&mut self, now: Instant, id: SetId) -> Option<u32> {
        let set = self.table.get_mut(&id)?;
        let incarnation = set.record.worker.as_ref()?.incarnation;
        let due = !set.is_distrusted(now);
        due.then(|| {
            set.blamed = Some((incarnation, now));
            incarnation
        })
    }

    /// True the first time a set answers.
    pub(super) fn first_answer(&mut self, id: SetId) -> bool {
        self.table
            .get_mut(&id)
            .is_some_and(|set| !std::mem::replace(&mut set.answered, true))
    }

    /// True once, when a draining set is first found empty.
    pub(super) fn take_drained(&mut self, id: SetId) -> bool {
        self.table.get_mut(&id).is_some_and(|set| {
            set.record.state == SetState::Draining && !std::mem::replace(&mut set.drained, true)
        })
    }

    pub(super) fn unreachable(&mut self, id: SetId) {
        if let Some(set) = self.table.get_mut(&id) {
            set.reachable = false;
        }
    }

    pub(super) fn reachable(&mut self, id: SetId) {
        if let Some(set) = self.table.get_mut(&id) {
            set.reachable = true;
        }
    }

    /// Stores a record; returns the nodes whose address changed or went, and whether the worker is another one.
    fn update(&mut self, record: SetRecord) -> Update {
        // A record without usable keys is learned as nothing: whatever its set certifies is then refused, and seen.
        let _unlearned = self.verifier.learn(&record);
        let set = self.table.entry(record.id).or_insert_with(|| Set {
            record: SetRecord {
                worker: None,
                replicas: Vec::new(),
                ..record.clone()
            },
            reachable: false,
            answered: false,
            drained: false,
            blamed: None,
        });
        let update = Update::between(&set.record, &record);
        if update.worker_changed {
            set.answered = false;
            set.reachable = false;
        }
        set.record = record;
        update
    }

    fn remove(&mut self, id: SetId) -> Vec<NodeId> {
        self.verifier.forget(id);
        self.table
            .remove(&id)
            .map_or(Vec::new(), |set| set.record.members().map(|m| m.node).collect())
    }
}

/// What a new record changed.
#[derive(Debug)]
struct Update {
    gone: Vec<NodeId>,
    moved: Vec<(NodeId, String)>,
    worker_changed: bool,
}

impl Update {
    fn between(old: &SetRecord, new: &SetRecord) -> Self {
        let before: BTreeMap<NodeId, (u32, &str)> = old
            .members()
            .map(|m| (m.node, (m.incarnation, m.address.as_str())))
            .collect();
        let after: BTreeSet<NodeId> = new.members().map(|m| m.node).collect();
        let moved: Vec<(NodeId, String)> = new
            .members()
            .filter(|m| before.get(&m.node) != Some(&(m.incarnation, m.address.as_str())))
            .map(|m| (m.node, m.address.clone()))
            .collect();
        let worker = NodeId::Worker(new.id);
        let worker_changed = moved.iter().any(|(node, _)| *node == worker) || new.worker.is_none();
        let gone = before.into_keys().filter(|node| !after.contains(node)).collect();
        Self {
            gone,
            moved,
            worker_changed,
        }
    }
}

impl Scheduler {
    pub(super) fn sets_changed(&mut self, now: Instant, changes: Vec<Change>, out: &mut Vec<Command>) {
        for change in changes {
            let Some(name) = change.key.strip_prefix("sets/") else {
                continue;
            };
            match change.value {
                Some(value) => {
                    if let Ok(record) = serde_json::from_str::<SetRecord>(&value.value) {
                        self.set_changed(now, record, out);
                    }
                }
                None => {
                    if let Ok(id) = name.parse() {
                        self.set_gone(now, id, out);
                    }
                }
            }
        }
    }

    fn set_changed(&mut self, now: Instant, record: SetRecord, out: &mut Vec<Command>) {
        let id = record.id;
        let update = self.sets.update(record.clone());
        for node in update.gone {
            out.push(Command::Route { node, address: None });
        }
        for (node, address) in update.moved {
            out.push(Command::Route {
                node,
                address: Some(address),
            });
        }
        for member in record.members() {
            out.push(Command::Send {
                to: member.node,
                packet: Packet::Configure(record.clone()),
            });
        }
        if update.worker_changed {
            self.flights.give_back_all(id);
        }
        self.report_drained(id, out);
        self.dispatch(now, id.operation, out);
        self.receive_layer(now, id.operation, out);
    }

    /// A worker heard who leads its replicas: the fleet writes it into the record.
    pub(super) fn led(&mut self, from: NodeId, led: Led, out: &mut Vec<Command>) {
        let NodeId::Worker(set) = from else { return };
        let known = self.sets.record(set);
        if known.is_none_or(|record| record.epoch != led.epoch || record.leader == led.leader) {
            return;
        }
        if let Ok(value) = serde_json::to_string(&led) {
            let token = self.token();
            out.push(Command::Port(PortCommand::Put {
                token,
                key: leader_key(set),
                value,
                when: Precondition::Any,
            }));
        }
    }

    fn set_gone(&mut self, now: Instant, id: SetId, out: &mut Vec<Command>) {
        for node in self.sets.remove(id) {
            out.push(Command::Route { node, address: None });
        }
        self.silence.heard(id);
        self.flights.give_back_all(id);
        self.settle(now, id.operation, id, out);
    }
}
