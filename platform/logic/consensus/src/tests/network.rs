//! The network: delivers in order unless its adversary says otherwise, and moves time only when nothing else can happen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tally_model::{
    Epoch, Instant, Job, Member, NodeId, Operation, Outcome, PlatformConfig, Protocol, RequestId, SetId,
    SetRecord, SetState, Suite, TaskId,
};

use crate::message::{Item, Message};
use crate::{Client, ClientEvent, Keys, Membership, Outgoing, Replica, Seat, client, replica};

pub(super) const CLUSTER: [u8; 16] = [7; 16];
pub(super) const SET: SetId = SetId {
    operation: Operation::Add,
    number: 3,
};
pub(super) const WORKER: NodeId = NodeId::Worker(SET);
/// Key number of the worker; replicas have their index, plus 100 per incarnation.
pub(super) const WORKER_KEY: u32 = 50;

/// What the adversary does with a message from, to: the messages that arrive instead.
pub(super) type Adversary = Box<dyn FnMut(NodeId, NodeId, Message) -> Vec<Message>>;

pub(super) fn keys(suite: Suite, number: u32) -> Keys {
    static MADE: OnceLock<Mutex<BTreeMap<(Suite, u32), Keys>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry((suite, number))
        .or_insert_with(|| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            Keys::generate(suite, seed).unwrap()
        })
        .clone()
}

pub(super) fn replica_node(index: u8) -> NodeId {
    NodeId::Replica(SET, index)
}

pub(super) fn config(suite: Suite, n: u8, count_leader_vote: bool) -> PlatformConfig {
    PlatformConfig {
        protocol: Protocol::Collect,
        suite,
        replicas: n,
        count_leader_vote,
        ..PlatformConfig::default()
    }
}

pub(super) fn job(number: u128) -> Job {
    Job {
        task: TaskId {
            request: RequestId(number),
            index: 0,
        },
        operation: Operation::Add,
        expression: None,
        left: number.to_string(),
        right: "1/2".into(),
    }
}

pub(super) fn item(number: u128) -> Item {
    Item {
        job: job(number),
        work_key: number as u64,
    }
}

/// The right answer to [`job`].
pub(super) fn answer(number: u128) -> Outcome {
    Outcome::Value(format!("{}/2", number * 2 + 1))
}

pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) config: PlatformConfig,
    pub(super) record: SetRecord,
    pub(super) client: Box<dyn Client>,
    pub(super) replicas: Vec<Box<dyn Replica>>,
    pub(super) adversary: Adversary,
    pub(super) told: Vec<ClientEvent>,
    flying: VecDeque<(NodeId, NodeId, Message)>,
}

impl Network {
    pub(super) fn new(config: PlatformConfig) -> Self {
        let n = config.replicas;
        let suite = config.suite;
        let record = SetRecord {
            id: SET,
            epoch: Epoch(1),
            founded: Some(Epoch(1)),
            state: SetState::Ready,
            leader: 0,
            worker: Some(member(WORKER, 0, &keys(suite, WORKER_KEY))),
            replicas: (0..n)
                .map(|index| member(replica_node(index), 0, &keys(suite, u32::from(index))))
                .collect(),
            created: Instant::ZERO,
            ready: None,
        };
        let seat = |node, keys| Seat {
            cluster: CLUSTER,
            node,
            incarnation: 0,
            keys,
            config: config.clone(),
        };
        let mut network = Self {
            now: Instant::ZERO,
            client: client(seat(WORKER, keys(suite, WORKER_KEY))).unwrap(),
            replicas: (0..n)
                .map(|index| replica(seat(replica_node(index), keys(suite, u32::from(index)))).unwrap())
                .collect(),
            adversary: Box::new(|_, _, message| vec![message]),
            told: Vec::new(),
            flying: VecDeque::new(),
            record: record.clone(),
            config,
        };
        network.configure(&record);
        network
    }

    pub(super) fn membership(&self) -> Membership {
        Membership::from_record(&self.record, CLUSTER, &self.config).unwrap()
    }

    /// Announces a record to everybody.
    pub(super) fn configure(&mut self, record: &SetRecord) {
        self.record = record.clone();
        for index in 0..self.replicas.len() {
            let mut sent = Vec::new();
            self.replicas[index]
                .configure(self.now, record, &mut sent)
                .unwrap();
            self.carry(replica_node(index as u8), sent);
        }
        let mut events = Vec::new();
        self.client.configure(self.now, record, &mut events).unwrap();
        self.hear(events);
    }

    /// Replaces an occupant by a new one with a new key, in a new epoch led by `leader`.
    pub(super) fn replace(&mut self, index: u8, leader: u8) {
        let incarnation = self.record.replicas[usize::from(index)].incarnation + 1;
        let fresh = keys(self.config.suite, u32::from(index) + 100 * incarnation);
        let mut record = self.record.clone();
        record.replicas[usize::from(index)] = member(replica_node(index), incarnation, &fresh);
        record.epoch.0 += 1;
        record.leader = leader;
        self.replicas[usize::from(index)] = replica(Seat {
            cluster: CLUSTER,
            node: replica_node(index),
            incarnation,
            keys: fresh,
            config: self.config.clone(),
        })
        .unwrap();
        self.configure(&record);
    }

    pub(super) fn submit(&mut self, numbers: impl IntoIterator<Item = u128>) {
        for number in numbers {
            let mut events = Vec::new();
            self.client.submit(self.now, item(number), &mut events);
            self.hear(events);
        }
    }

    /// Delivers everything, then lets time pass from deadline to deadline for as long as `for_millis`.
    pub(super) fn run(&mut self, for_millis: u64) {
        let end = self.now + Duration::from_millis(for_millis);
        loop {
            while let Some((from, to, message)) = self.flying.pop_front() {
                self.deliver(from, to, message);
            }
            let next = self
                .replicas
                .iter()
                .filter_map(|replica| replica.deadline())
                .chain(self.client.deadline())
                .map(|deadline| deadline.at)
                .min();
            match next {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            self.wake();
        }
        self.now = end;
    }

    fn wake(&mut self) {
        let now = self.now;
        let mut events = Vec::new();
        if self.client.deadline().is_some_and(|deadline| deadline.at <= now) {
            self.client.wake(now, &mut events);
        }
        self.hear(events);
        for index in 0..self.replicas.len() {
            let mut sent = Vec::new();
            if self.replicas[index]
                .deadline()
                .is_some_and(|deadline| deadline.at <= now)
            {
                self.replicas[index].wake(now, &mut sent);
            }
            self.carry(replica_node(index as u8), sent);
        }
    }

    /// Hands a message over, whoever it is from.
    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        match to {
            NodeId::Worker(_) => {
                let mut events = Vec::new();
                self.client.handle(self.now, from, message, &mut events);
                self.hear(events);
            }
            NodeId::Replica(_, index) => {
                let mut sent = Vec::new();
                self.replicas[usize::from(index)].handle(self.now, from, message, &mut sent);
                self.carry(to, sent);
            }
            NodeId::Control => {}
        }
    }

    fn carry(&mut self, from: NodeId, sent: Vec<Outgoing>) {
        for Outgoing { to, message } in sent {
            for message in (self.adversary)(from, to, message) {
                self.flying.push_back((from, to, message));
            }
        }
    }

    fn hear(&mut self, events: Vec<ClientEvent>) {
        for event in events {
            match event {
                ClientEvent::Send(outgoing) => self.carry(WORKER, vec![outgoing]),
                other => self.told.push(other),
            }
        }
    }

    /// What was certified, by request number.
    pub(super) fn certified(&self) -> BTreeMap<u128, Outcome> {
        self.told
            .iter()
            .filter_map(|event| match event {
                ClientEvent::Certified { job, outcome, .. } => Some((job.task.request.0, outcome.clone())),
                _ => None,
            })
            .collect()
    }

    /// Certificates in the order they came.
    pub(super) fn certificates(&self) -> Vec<(Job, Outcome, Vec<u8>)> {
        self.told
            .iter()
            .filter_map(|event| match event {
                ClientEvent::Certified {
                    job,
                    outcome,
                    certificate,
                    ..
                } => Some((job.clone(), outcome.clone(), certificate.clone())),
                _ => None,
            })
            .collect()
    }

    /// Who was suspected, each as often as it was.
    pub(super) fn suspects(&self) -> Vec<NodeId> {
        self.told
            .iter()
            .filter_map(|event| match event {
                ClientEvent::Suspect { node, .. } => Some(*node),
                _ => None,
            })
            .collect()
    }

    /// That all jobs up to `last` are certified with the right answer.
    #[track_caller]
    pub(super) fn assert_right(&self, last: u128) {
        let expected: BTreeMap<u128, Outcome> = (1..=last).map(|number| (number, answer(number))).collect();
        assert_eq!(self.certified(), expected);
    }
}

fn member(node: NodeId, incarnation: u32, keys: &Keys) -> Member {
    Member {
        node,
        incarnation,
        address: String::new(),
        public_key: keys.public_key().to_string(),
    }
}
