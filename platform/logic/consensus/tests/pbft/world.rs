//! A set in memory: one agenda of virtual time, a network that loses, delays, doubles and reorders by seed, and invariants
//! that are checked after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_consensus::pbft::{Client, Replica, Settings};
use tally_consensus::{Client as _, ClientEvent, Message, Outgoing, Replica as _};
use tally_model::{Instant, NodeId, PlatformConfig, SetRecord};

use crate::cast::{WORKER, config, first_record, item, node, seat, with_replaced};
use crate::invariants::{Facts, Invariants};
use crate::rng::Rng;

/// One running copy of a replica. A twin has the place and the keys of another copy.
#[derive(Debug)]
pub struct Copy {
    pub index: u8,
    pub replica: Replica,
    pub up: bool,
    /// Whether its word is its identity's only one: no twin, no tampering.
    pub correct: bool,
}

/// What the network does to messages.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Shortest and longest delay, in microseconds.
    pub delay: (u64, u64),
    /// Lost, in a thousand.
    pub lost: u64,
    /// Doubled, in a thousand.
    pub doubled: u64,
    /// Much delayed, in a thousand, up to a second.
    pub late: u64,
}

impl Weather {
    pub const FAIR: Self = Self {
        delay: (100, 200),
        lost: 0,
        doubled: 0,
        late: 0,
    };
}

/// What an adversary makes of a message from a copy (number) to a node: the messages that are sent instead.
pub type Adversary = Box<dyn FnMut(usize, NodeId, &Message) -> Option<Vec<Message>>>;

pub struct World {
    pub seed: u64,
    pub now: Instant,
    pub config: PlatformConfig,
    pub settings: Settings,
    pub record: SetRecord,
    pub copies: Vec<Copy>,
    pub client: Client,
    pub told: Vec<ClientEvent>,
    pub weather: Weather,
    /// Pairs (from, to) that hear nothing.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    pub adversary: Option<Adversary>,
    pub sent: u64,
    pub rng: Rng,
    agenda: BTreeMap<(Instant, u64), (NodeId, usize, Message)>,
    number: u64,
    pub submitted: u128,
    invariants: Invariants,
}

/// The address of the client in the agenda; copies have their number.
const CLIENT: usize = usize::MAX;

impl World {
    pub fn new(config: PlatformConfig, settings: Settings, seed: u64) -> Self {
        let record = first_record(&config);
        let copies = (0..config.replicas)
            .map(|index| Copy {
                index,
                replica: Replica::with_settings(seat(&config, node(index), 0), settings),
                up: true,
                correct: true,
            })
            .collect();
        let mut world = Self {
            seed,
            now: Instant::ZERO,
            client: Client::new(seat(&config, WORKER, 0)),
            copies,
            told: Vec::new(),
            weather: Weather::FAIR,
            cut: BTreeSet::new(),
            adversary: None,
            sent: 0,
            rng: Rng(seed),
            agenda: BTreeMap::new(),
            number: 0,
            submitted: 0,
            invariants: Invariants::all(&config, settings, &record),
            record: record.clone(),
            config,
            settings,
        };
        world.announce(&record);
        world
    }

    /// n replicas in suite `modern`, with the sizes of operation.
    pub fn full(n: u8, seed: u64) -> Self {
        let config = config(tally_model::Suite::Modern, n);
        let settings = Settings::of(&config);
        Self::new(config, settings, seed)
    }

    /// n replicas in suite `modern`, with small sizes.
    pub fn small(n: u8, seed: u64) -> Self {
        let config = config(tally_model::Suite::Modern, n);
        let settings = crate::cast::small(&config);
        Self::new(config, settings, seed)
    }

    /// Tells a record to everybody that is up.
    pub fn announce(&mut self, record: &SetRecord) {
        self.record = record.clone();
        self.invariants.learn(record);
        for number in 0..self.copies.len() {
            self.tell(number, record);
        }
        let mut events = Vec::new();
        self.client.configure(self.now, record, &mut events).unwrap();
        self.hear(events);
    }

    /// Tells a record to one copy, if it is up.
    pub fn tell(&mut self, number: usize, record: &SetRecord) {
        self.invariants.learn(record);
        let (now, copy) = (self.now, &mut self.copies[number]);
        if copy.up {
            let mut out = Vec::new();
            copy.replica.configure(now, record, &mut out).unwrap();
            self.carry(number, out);
        }
    }

    /// Puts a new occupant into a place, in a new epoch.
    pub fn replace(&mut self, index: u8) {
        let record = with_replaced(&self.config, &self.record, node(index));
        self.revive(index, record.replicas[usize::from(index)].incarnation);
        self.announce(&record);
    }

    /// Starts a new occupant of a place, of which nobody knows yet.
    pub fn revive(&mut self, index: u8, incarnation: u32) {
        let number = self.number_of(index);
        self.copies[number] = Copy {
            index,
            replica: Replica::with_settings(seat(&self.config, node(index), incarnation), self.settings),
            up: true,
            correct: true,
        };
        self.invariants.replaced(number);
    }

    /// Puts a new worker in place of the old one.
    pub fn new_worker(&mut self, record: &SetRecord) {
        let incarnation = record.worker.as_ref().unwrap().incarnation;
        self.client = Client::new(seat(&self.config, WORKER, incarnation));
        self.announce(record);
    }

    fn number_of(&self, index: u8) -> usize {
        self.copies.iter().position(|copy| copy.index == index).unwrap()
    }

    pub fn crash(&mut self, index: u8) {
        for copy in &mut self.copies {
            if copy.index == index {
                copy.up = false;
            }
        }
    }

    /// Runs a second copy of a replica under the same identity (Twins, Bano et al. 2021); both are faulty from now on.
    pub fn twin(&mut self, index: u8) {
        let number = self.number_of(index);
        self.copies[number].correct = false;
        let mut replica = Replica::with_settings(seat(&self.config, node(index), 0), self.settings);
        let mut out = Vec::new();
        replica.configure(self.now, &self.record, &mut out).unwrap();
        self.copies.push(Copy {
            index,
            replica,
            up: true,
            correct: false,
        });
    }

    /// Cuts the nodes in `group` off from all others, both ways.
    pub fn isolate(&mut self, group: &[NodeId]) {
        let all: Vec<NodeId> = (0..self.config.replicas).map(node).chain([WORKER]).collect();
        for inside in &all {
            for outside in &all {
                if group.contains(inside) && !group.contains(outside) {
                    self.cut.insert((*inside, *outside));
                    self.cut.insert((*outside, *inside));
                }
            }
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
        self.adversary = None;
        self.weather = Weather::FAIR;
    }

    pub fn submit(&mut self, count: u128) {
        for _ in 0..count {
            self.submitted += 1;
            let mut events = Vec::new();
            self.client.submit(self.now, item(self.submitted), &mut events);
            self.hear(events);
        }
    }

    /// Lets time pass until `done` says so, or for as long as `limit`; whether it said so.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let arrival = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let alarm = self
                .copies
                .iter()
                .filter(|copy| copy.up)
                .filter_map(|copy| copy.replica.deadline())
                .chain(self.client.deadline())
                .map(|deadline| deadline.at)
                .min();
            let Some(next) = arrival.into_iter().chain(alarm).min().filter(|at| *at <= end) else {
                self.now = end;
                return done(self);
            };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                if let Some((_, (from, to, message))) = self.agenda.pop_first() {
                    self.deliver(from, to, message);
                }
            } else {
                self.wake();
            }
        }
        true
    }

    pub fn run(&mut self, millis: u64) {
        self.run_until(Duration::from_millis(millis), |_| false);
    }

    fn wake(&mut self) {
        let now = self.now;
        for number in 0..self.copies.len() {
            let copy = &mut self.copies[number];
            if copy.up && copy.replica.deadline().is_some_and(|deadline| deadline.at <= now) {
                let mut out = Vec::new();
                copy.replica.wake(now, &mut out);
                self.carry(number, out);
            }
        }
        if self.client.deadline().is_some_and(|deadline| deadline.at <= now) {
            let mut events = Vec::new();
            self.client.wake(now, &mut events);
            self.hear(events);
        }
    }

    /// Hands a message to a copy, or to the client.
    fn deliver(&mut self, from: NodeId, to: usize, message: Message) {
        if to == CLIENT {
            let mut events = Vec::new();
            self.client.handle(self.now, from, message, &mut events);
            self.hear(events);
        } else if self.copies[to].up {
            let mut out = Vec::new();
            self.copies[to].replica.handle(self.now, from, message, &mut out);
            self.carry(to, out);
        }
    }

    /// Puts a forged message into the network.
    pub fn inject(&mut self, from: NodeId, to: u8, message: Message) {
        let number = self.number_of(to);
        self.deliver(from, number, message);
    }

    fn carry(&mut self, number: usize, out: Vec<Outgoing>) {
        let copy = &self.copies[number];
        let facts = Facts { number, copy };
        if let Err(violation) = self.invariants.step(&facts, &out) {
            panic!("seed {}: {violation}", self.seed);
        }
        let from = node(copy.index);
        for Outgoing { to, message } in out {
            let sent = match &mut self.adversary {
                Some(adversary) => adversary(number, to, &message),
                None => None,
            };
            for message in sent.unwrap_or_else(|| vec![message]) {
                self.post(from, to, message);
            }
        }
    }

    fn post(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.sent += 1;
        let Weather {
            delay,
            lost,
            doubled,
            late,
        } = self.weather;
        if self.cut.contains(&(from, to)) || self.rng.chance(lost) {
            return;
        }
        let receivers: Vec<usize> = match to {
            NodeId::Replica(_, index) => (0..self.copies.len())
                .filter(|number| self.copies[*number].index == index)
                .collect(),
            NodeId::Worker(_) => vec![CLIENT],
            NodeId::Control => Vec::new(),
        };
        for receiver in receivers {
            for _ in 0..=usize::from(self.rng.chance(doubled)) {
                let mut micros = delay.0 + self.rng.below(delay.1 - delay.0 + 1);
                if self.rng.chance(late) {
                    micros += self.rng.below(1_000_000);
                }
                self.number += 1;
                let at = self.now + Duration::from_micros(micros);
                self.agenda
                    .insert((at, self.number), (from, receiver, message.clone()));
            }
        }
    }

    fn hear(&mut self, events: Vec<ClientEvent>) {
        for event in events {
            if let Err(violation) = self.invariants.told(&event) {
                panic!("seed {}: {violation}", self.seed);
            }
            match event {
                ClientEvent::Send(Outgoing { to, message }) => {
                    self.invariants.asked(&message);
                    self.post(WORKER, to, message);
                }
                other => self.told.push(other),
            }
        }
    }
}
