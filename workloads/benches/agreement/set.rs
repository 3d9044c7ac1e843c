//! One worker and four replicas of `pbft`, and what they spend.

use std::collections::VecDeque;
use std::time::{Duration, Instant as Wall};

use tally_consensus::pbft::{Client, EAGER, Replica, SLOTS};
use tally_consensus::{Client as _, ClientEvent, Item, Keys, Message, Outgoing, Replica as _, Seat};
use tally_model::{
    Epoch, Instant, Job, Member, NodeId, Operation, PlatformConfig, Protocol, RequestId, SetId, SetRecord,
    SetState, Suite, TaskId,
};

use crate::primitives::Primitives;
use crate::processor_time;

pub(crate) const SET: SetId = SetId {
    operation: Operation::Add,
    number: 1,
};
pub(crate) const WORKER: NodeId = NodeId::Worker(SET);
/// Replicas.
pub(crate) const N: u8 = 4;

/// What was done, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) operations: u64,
    pub(crate) signed: u64,
    pub(crate) verified: u64,
    pub(crate) made: u64,
    pub(crate) checked: u64,
    pub(crate) messages: u64,
    pub(crate) time: Duration,
    /// Processor time of all threads of this process.
    pub(crate) processor: Duration,
}

impl Spent {
    /// The processor time of the cryptography alone.
    pub(crate) fn crypto(&self, suite: Suite, primitives: &Primitives) -> Duration {
        let (make, check) = match suite {
            Suite::Modern | Suite::Simulation => (primitives.mac, primitives.mac),
            Suite::Report => (primitives.sign, primitives.verify),
        };
        primitives.sign * self.signed as u32
            + primitives.verify * self.verified as u32
            + make * self.made as u32
            + check * self.checked as u32
    }
}

/// A member's key: the worker's place is `N`.
fn keys(suite: Suite, place: u8) -> Keys {
    Keys::generate(suite, [place + 1; 32]).unwrap()
}

/// The machines with their keys, and the record that they are configured with.
pub(crate) fn machines(suite: Suite) -> (SetRecord, Client, Vec<Replica>) {
    let config = PlatformConfig {
        protocol: Protocol::Pbft,
        suite,
        ..PlatformConfig::default()
    };
    let nodes: Vec<(NodeId, Keys)> = (0..N)
        .map(|index| NodeId::Replica(SET, index))
        .chain([WORKER])
        .zip(0..)
        .map(|(node, place)| (node, keys(suite, place)))
        .collect();
    let member = |(node, keys): &(NodeId, Keys)| Member {
        node: *node,
        incarnation: 0,
        address: String::new(),
        public_key: keys.public_key().to_string(),
    };
    let record = SetRecord {
        id: SET,
        epoch: Epoch(1),
        founded: Some(Epoch(1)),
        state: SetState::Ready,
        leader: 0,
        worker: nodes.last().map(member),
        replicas: nodes.iter().take(usize::from(N)).map(member).collect(),
        created: Instant::ZERO,
        ready: None,
    };
    let seat = |(node, keys): &(NodeId, Keys)| Seat {
        cluster: [7; 16],
        node: *node,
        incarnation: 0,
        keys: keys.clone(),
        config: config.clone(),
    };
    let client = Client::new(seat(nodes.last().unwrap()));
    let replicas = nodes.iter().take(usize::from(N)).map(|it| Replica::new(seat(it)));
    (record, client, replicas.collect())
}

pub(crate) fn item(number: u64) -> Item {
    Item {
        job: Job {
            task: TaskId {
                request: RequestId(u128::from(number)),
                index: 0,
            },
            operation: Operation::Add,
            expression: None,
            left: number.to_string(),
            right: "1/2".into(),
        },
        work_key: number,
    }
}

/// Jobs that wait or are under way, so that every request has `batch` jobs: as many requests of one as are made, or enough to fill all slots twice.
pub(crate) const fn pending(batch: u32) -> u64 {
    if batch == 1 {
        EAGER as u64
    } else {
        2 * SLOTS as u64 * batch as u64
    }
}

/// All in one thread.
#[derive(Debug)]
pub(crate) struct Set {
    client: Client,
    replicas: Vec<Replica>,
    flying: VecDeque<(NodeId, NodeId, Message)>,
    submitted: u64,
    certified: u64,
    messages: u64,
}

impl Set {
    pub(crate) fn new(suite: Suite) -> Self {
        let (record, mut client, mut replicas) = machines(suite);
        client.configure(Instant::ZERO, &record, &mut Vec::new()).unwrap();
        for replica in &mut replicas {
            replica
                .configure(Instant::ZERO, &record, &mut Vec::new())
                .unwrap();
        }
        Self {
            client,
            replicas,
            flying: VecDeque::new(),
            submitted: 0,
            certified: 0,
            messages: 0,
        }
    }

    /// Certifies jobs for `length`, with requests of `batch` jobs.
    pub(crate) fn run(mut self, batch: u32, length: Duration) -> Spent {
        self.until(batch, Wall::now() + length / 10);
        let before = self.spent(Duration::ZERO);
        let (start, processor) = (Wall::now(), processor_time());
        self.until(batch, start + length);
        let after = self.spent(start.elapsed());
        Spent {
            operations: after.operations - before.operations,
            signed: after.signed - before.signed,
            verified: after.verified - before.verified,
            made: after.made - before.made,
            checked: after.checked - before.checked,
            messages: after.messages - before.messages,
            time: after.time,
            processor: processor_time().saturating_sub(processor),
        }
    }

    fn until(&mut self, batch: u32, end: Wall) {
        while Wall::now() < end {
            let mut events = Vec::new();
            while self.submitted - self.certified < pending(batch) {
                self.submitted += 1;
                self.client
                    .submit(Instant::ZERO, item(self.submitted), &mut events);
            }
            self.obey(events);
            // A burst between two looks at the clock.
            for _ in 0..256 {
                let Some((from, to, message)) = self.flying.pop_front() else {
                    break;
                };
                self.deliver(from, to, message);
            }
        }
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.messages += 1;
        if let NodeId::Replica(_, index) = to {
            let mut out = Vec::new();
            self.replicas[usize::from(index)].handle(Instant::ZERO, from, message, &mut out);
            self.flying
                .extend(out.into_iter().map(|sent| (to, sent.to, sent.message)));
        } else {
            let mut events = Vec::new();
            self.client.handle(Instant::ZERO, from, message, &mut events);
            self.obey(events);
        }
    }

    fn obey(&mut self, events: Vec<ClientEvent>) {
        for event in events {
            match event {
                ClientEvent::Send(Outgoing { to, message }) => self.flying.push_back((WORKER, to, message)),
                ClientEvent::Certified { .. } => self.certified += 1,
                _ => {}
            }
        }
    }

    fn spent(&self, time: Duration) -> Spent {
        let mut spent = Spent {
            operations: self.certified,
            signed: self.client.effort().signed,
            verified: self.client.effort().verified,
            messages: self.messages,
            time,
            ..Spent::default()
        };
        for replica in &self.replicas {
            spent.signed += replica.effort().signed;
            spent.verified += replica.effort().verified;
            spent.made += replica.macs().made;
            spent.checked += replica.macs().checked;
        }
        spent
    }
}
