//! The set: one worker, its replicas, and a control plane that only listens.

use std::collections::VecDeque;

use tally_model::{Epoch, FaultEvent, SetState};

use super::*;
use crate::replica::{ReplicaCommand, ReplicaEvent, ReplicaRole};

pub(super) struct Set {
    pub(super) now: Instant,
    pub(super) worker: WorkerRole,
    pub(super) replicas: Vec<ReplicaRole>,
    pub(super) mute: Vec<u8>,
    pub(super) record: SetRecord,
    pub(super) flying: VecDeque<(NodeId, NodeId, Packet)>,
    /// What control received, and when.
    pub(super) received: Vec<(Instant, Packet)>,
    pub(super) spins: Vec<(TaskId, Duration)>,
    pub(super) observed: Vec<Observation>,
}

impl Set {
    pub(super) fn new(config: &PlatformConfig) -> Self {
        let n = config.replicas_per_set();
        let mut set = Self {
            now: Instant::ZERO,
            worker: WorkerRole::new(config.clone(), CLUSTER, WORKER, 0, keys(99)).unwrap(),
            replicas: (0..n)
                .map(|index| {
                    ReplicaRole::new(config.clone(), CLUSTER, replica_node(index), 0, keys(index)).unwrap()
                })
                .collect(),
            mute: Vec::new(),
            record: SetRecord {
                id: SET,
                epoch: Epoch(1),
                founded: Some(Epoch(1)),
                state: SetState::Ready,
                leader: 1.min(n),
                worker: Some(member(WORKER, 99)),
                replicas: (0..n).map(|index| member(replica_node(index), index)).collect(),
                created: Instant::ZERO,
                ready: None,
            },
            flying: VecDeque::new(),
            received: Vec::new(),
            spins: Vec::new(),
            observed: Vec::new(),
        };
        set.announce();
        set.run(0);
        set
    }

    /// Announces the next epoch, of the same members.
    pub(super) fn next_epoch(&mut self) {
        self.record.epoch.0 += 1;
        self.announce();
    }

    fn announce(&mut self) {
        let members = 0..self.replicas.len() as u8;
        for node in members.map(replica_node).chain([WORKER]) {
            let packet = Packet::Configure(self.record.clone());
            self.flying.push_back((NodeId::Control, node, packet));
        }
    }

    pub(super) fn assign(&mut self, numbers: impl IntoIterator<Item = u128>) {
        for number in numbers {
            self.flying
                .push_back((NodeId::Control, WORKER, Packet::Assign(task(number))));
        }
    }

    pub(super) fn run(&mut self, for_millis: u64) {
        let end = self.now + Duration::from_millis(for_millis);
        loop {
            while let Some((from, to, packet)) = self.flying.pop_front() {
                self.deliver(from, to, packet);
            }
            let deadlines = self.replicas.iter().map(Machine::deadline);
            let next = deadlines
                .chain([self.worker.deadline()])
                .flatten()
                .map(|due| due.at)
                .min();
            match next {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            self.wake();
        }
        self.now = end;
    }

    pub(super) fn wake(&mut self) {
        let due = |deadline: Option<Deadline>, now| deadline.is_some_and(|due| due.at <= now);
        let mut out = Vec::new();
        if due(self.worker.deadline(), self.now) {
            self.worker.wake(self.now, &mut out);
        }
        self.obey_worker(out);
        for index in 0..self.replicas.len() {
            let mut out = Vec::new();
            if due(self.replicas[index].deadline(), self.now) {
                self.replicas[index].wake(self.now, &mut out);
            }
            self.obey_replica(index as u8, out);
        }
    }

    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, packet: Packet) {
        match to {
            NodeId::Control => self.received.push((self.now, packet)),
            NodeId::Worker(_) => {
                let mut out = Vec::new();
                self.worker
                    .handle(self.now, WorkerEvent::Packet { from, packet }, &mut out);
                self.obey_worker(out);
            }
            NodeId::Replica(_, index) => {
                let mut out = Vec::new();
                self.replicas[usize::from(index)].handle(
                    self.now,
                    ReplicaEvent::Packet { from, packet },
                    &mut out,
                );
                self.obey_replica(index, out);
            }
        }
    }

    pub(super) fn obey_worker(&mut self, out: Vec<WorkerCommand>) {
        for command in out {
            match command {
                WorkerCommand::Send { to, packet } => {
                    self.flying.push_back((WORKER, to, packet));
                }
                WorkerCommand::Spin { task, duration } => self.spins.push((task, duration)),
                WorkerCommand::Observe(observation) => self.observed.push(observation),
            }
        }
    }

    pub(super) fn obey_replica(&mut self, index: u8, out: Vec<ReplicaCommand>) {
        for command in out {
            match command {
                ReplicaCommand::Send { .. } if self.mute.contains(&index) => {}
                ReplicaCommand::Send { to, packet } => {
                    self.flying.push_back((replica_node(index), to, packet));
                }
                ReplicaCommand::Observe(observation) => self.observed.push(observation),
            }
        }
    }

    pub(super) fn done(&self) -> Vec<(Instant, TaskDone)> {
        let done = |(at, packet): &(Instant, Packet)| match packet {
            Packet::Done(done) => Some((*at, (**done).clone())),
            _ => None,
        };
        self.received.iter().filter_map(done).collect()
    }

    pub(super) fn faults(&self) -> Vec<FaultEvent> {
        let fault = |(_, packet): &(Instant, Packet)| match packet {
            Packet::Suspect(fault) => Some(fault.clone()),
            _ => None,
        };
        self.received.iter().filter_map(fault).collect()
    }

    pub(super) fn busy(&self) -> usize {
        let busy = |(_, packet): &&(Instant, Packet)| matches!(packet, Packet::Busy(_));
        self.received.iter().filter(busy).count()
    }
}
