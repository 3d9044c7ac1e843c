//! Twins (Bano et al., OPODIS 2021) for n = 4: replica 0 is two machines with one identity, and every scenario of a number of
//! rounds is played.
//!
//! In each round the five machines are split into at most two groups that cannot hear each other (16 ways: S(5,1) + S(5,2)), and 0
//! to 3 timeouts pass, after each of which another primary may lead (the paper's choice of a leader, as far as PBFT leaves one: it
//! follows from the view). That is 64 rounds, and 4,096 scenarios of two. A new request comes in each round. At the end all hear each
//! other again, and what was asked has to be certified.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tally_consensus::{
    Client, ClientEvent, Item, Keys, Message, Replica, Seat, Unsupported, client, replica,
};
use tally_model::{
    Epoch, Instant, Job, Member, NodeId, Operation, Outcome, PlatformConfig, Protocol, RequestId, SetId,
    SetRecord, SetState, Suite, TaskId, Timing,
};
use tally_roles::packet::Packet;
use tally_substrate::PodIndex;

use crate::watch::{Oracle, Violation, Watch};

/// Rounds that there are: 16 splits, 4 numbers of timeouts.
pub const ROUNDS: u64 = 64;
const MACHINES: usize = 5;
/// The machine that is replica 0 a second time.
const TWIN: usize = 4;
const CLUSTER: [u8; 16] = [7; 16];
/// One timeout, with what it sets off.
const TIMEOUT: Duration = Duration::from_millis(1_200);
/// Within this everything is certified after all hear each other again.
const HEALED: Duration = Duration::from_mins(2);
/// Messages of one scenario at most; more is a storm.
const STORM: u64 = 200_000;

/// What came of one scenario.
#[derive(Clone, Debug)]
pub struct Played {
    /// What must not be, if it was.
    pub violation: Option<Violation>,
    /// Messages delivered.
    pub messages: u64,
    /// Views that were opened by honest members.
    pub view_changes: u64,
}

/// How many scenarios of `rounds` rounds there are.
pub const fn scenarios(rounds: u32) -> u64 {
    ROUNDS.pow(rounds)
}

/// Plays scenario `number` of `rounds` rounds: its digits to base 64 are the rounds.
///
/// # Errors
/// [`Unsupported`] if PBFT is not built.
pub fn play(number: u64, rounds: u32, oracle: Oracle) -> Result<Played, Unsupported> {
    let mut scene = Scene::new(oracle)?;
    let mut left = number;
    for round in 0..rounds {
        let (split, timeouts) = (left % 16, left / 16 % 4);
        left /= ROUNDS;
        scene.round(round, split as u8, timeouts as u32);
    }
    scene.heal();
    Ok(Played {
        violation: scene.watch.violation,
        messages: scene.messages,
        view_changes: scene.watch.coverage.count(crate::Sometimes::ViewChange),
    })
}

struct Scene {
    now: Instant,
    machines: Vec<Box<dyn Replica>>,
    client: Box<dyn Client>,
    /// Which group each machine is in.
    groups: [bool; MACHINES],
    line: VecDeque<(To, NodeId, Message)>,
    certified: BTreeMap<TaskId, Outcome>,
    asked: usize,
    watch: Watch,
    messages: u64,
    broken: Option<String>,
}

#[derive(Clone, Copy)]
enum To {
    Machine(usize),
    Client,
}

const SET: SetId = SetId {
    operation: Operation::Add,
    number: 1,
};

/// The place of a machine.
const fn place(machine: usize) -> NodeId {
    NodeId::Replica(SET, (machine % TWIN) as u8)
}

fn config() -> PlatformConfig {
    PlatformConfig {
        protocol: Protocol::Pbft,
        suite: Suite::Simulation,
        timing: Timing {
            quorum_timeout: Duration::from_millis(500),
            ..Timing::default()
        },
        ..PlatformConfig::default()
    }
}

fn keys(node: NodeId) -> Keys {
    let seed = match node {
        NodeId::Replica(_, index) => index + 1,
        _ => 99,
    };
    Keys::simulated([seed; 32])
}

fn seat(node: NodeId) -> Seat {
    Seat {
        cluster: CLUSTER,
        node,
        incarnation: 0,
        keys: keys(node),
        config: config(),
    }
}

fn record() -> SetRecord {
    let member = |node: NodeId| Member {
        node,
        incarnation: 0,
        address: String::new(),
        public_key: keys(node).public_key().to_string(),
    };
    SetRecord {
        id: SET,
        epoch: Epoch(1),
        state: SetState::Ready,
        leader: 0,
        worker: Some(member(NodeId::Worker(SET))),
        replicas: (0..4).map(|index| member(NodeId::Replica(SET, index))).collect(),
        created: Instant::ZERO,
        ready: Some(Instant::ZERO),
        founded: Some(Epoch(1)),
    }
}

impl Scene {
    fn new(oracle: Oracle) -> Result<Self, Unsupported> {
        let machines: Result<Vec<_>, _> = (0..MACHINES)
            .map(|machine| replica(seat(place(machine))))
            .collect();
        let mut scene = Self {
            now: Instant::from_nanos(1_000_000_000),
            machines: machines?,
            client: client(seat(NodeId::Worker(SET)))?,
            groups: [false; MACHINES],
            line: VecDeque::new(),
            certified: BTreeMap::new(),
            asked: 0,
            watch: Watch::new(&config(), oracle),
            messages: 0,
            broken: None,
        };
        for machine in 0..MACHINES {
            let mut out = Vec::new();
            if let Err(error) = scene.machines[machine].configure(scene.now, &record(), &mut out) {
                scene.broken = Some(error.to_string());
            }
            scene.said(machine, out);
        }
        let mut events = Vec::new();
        if let Err(error) = scene.client.configure(scene.now, &record(), &mut events) {
            scene.broken = Some(error.to_string());
        }
        scene.follow(events);
        scene.deliver();
        Ok(scene)
    }

    /// A request comes, under a split; then timeouts pass.
    fn round(&mut self, round: u32, split: u8, timeouts: u32) {
        // Machine 4 is always in the second half of the numbering, so that each split into two groups is counted once.
        self.groups = std::array::from_fn(|machine| split >> machine & 1 != 0);
        let mut events = Vec::new();
        let item = Item {
            job: job(round),
            work_key: 0,
        };
        self.asked += 1;
        self.client.submit(self.now, item, &mut events);
        self.follow(events);
        self.deliver();
        self.pass(TIMEOUT * timeouts, false);
    }

    /// All hear each other, and time passes until everything is certified.
    fn heal(&mut self) {
        self.groups = [false; MACHINES];
        let all = self.asked;
        self.pass(HEALED, true);
        if self.certified.len() < all && self.watch.violation.is_none() {
            let how = format!("{} of {all} requests are certified", self.certified.len());
            self.violate("liveness", "pbft.md section 11, 12", how);
        }
        if let Some(how) = self.broken.take() {
            self.violate("sound", "the simulation itself", how);
        }
    }

    fn violate(&mut self, invariant: &'static str, source: &'static str, how: String) {
        self.watch.violation.get_or_insert(Violation {
            invariant,
            source,
            at: self.now,
            how,
        });
    }

    /// Lets time pass from deadline to deadline; if `certify`, no longer than until nothing is outstanding.
    fn pass(&mut self, span: Duration, certify: bool) {
        let end = self.now + span;
        loop {
            if self.watch.violation.is_some() || (certify && self.certified.len() >= self.asked) {
                return;
            }
            let deadlines = self.machines.iter().filter_map(|machine| machine.deadline());
            let next = deadlines
                .chain(self.client.deadline())
                .map(|deadline| deadline.at)
                .min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.wake();
            self.deliver();
        }
    }

    fn wake(&mut self) {
        for machine in 0..MACHINES {
            if self.machines[machine]
                .deadline()
                .is_some_and(|deadline| deadline.at <= self.now)
            {
                let mut out = Vec::new();
                self.machines[machine].wake(self.now, &mut out);
                self.said(machine, out);
            }
        }
        if self
            .client
            .deadline()
            .is_some_and(|deadline| deadline.at <= self.now)
        {
            let mut events = Vec::new();
            self.client.wake(self.now, &mut events);
            self.follow(events);
        }
    }

    /// What a machine says goes to whoever has the place and is in its group. What honest ones say is watched.
    fn said(&mut self, machine: usize, out: Vec<tally_consensus::Outgoing>) {
        let from = place(machine);
        for outgoing in out {
            if !machine.is_multiple_of(TWIN) {
                let packet = Packet::Set(outgoing.message.clone());
                let pod = PodIndex(machine as u32);
                self.watch.sent(self.now, Some(pod), (from, outgoing.to), &packet);
            }
            match outgoing.to {
                NodeId::Replica(_, index) => {
                    let twin = (index == 0).then_some(TWIN);
                    let hears = |to: &usize| *to != machine && self.groups[*to] == self.groups[machine];
                    for to in [usize::from(index)].into_iter().chain(twin).filter(hears) {
                        self.line
                            .push_back((To::Machine(to), from, outgoing.message.clone()));
                    }
                }
                NodeId::Worker(_) => self.line.push_back((To::Client, from, outgoing.message)),
                NodeId::Control => {}
            }
        }
    }

    /// The worker is heard by all, in both groups.
    fn follow(&mut self, events: Vec<ClientEvent>) {
        let from = NodeId::Worker(SET);
        for event in events {
            match event {
                ClientEvent::Send(outgoing) => {
                    let packet = Packet::Set(outgoing.message.clone());
                    self.watch
                        .sent(self.now, Some(PodIndex(99)), (from, outgoing.to), &packet);
                    if let NodeId::Replica(_, index) = outgoing.to {
                        let twin = (index == 0).then_some(TWIN);
                        for to in [usize::from(index)].into_iter().chain(twin) {
                            self.line
                                .push_back((To::Machine(to), from, outgoing.message.clone()));
                        }
                    }
                }
                ClientEvent::Certified { job, outcome, .. } => self.certify(&job, outcome),
                _ => {}
            }
        }
    }

    fn certify(&mut self, job: &Job, outcome: Outcome) {
        let right = Outcome::Value((u32::from(job.task.index) + 1).to_string());
        if outcome != right {
            let how = format!("`{}+{}` was certified as `{outcome}`", job.left, job.right);
            self.violate("answers", "pbft.md section 11, 10", how);
        }
        self.certified.insert(job.task, outcome);
    }

    /// Delivers until nobody has anything to say.
    fn deliver(&mut self) {
        while let Some((to, from, message)) = self.line.pop_front() {
            self.messages += 1;
            if self.messages > STORM {
                self.line.clear();
                self.violate(
                    "bounds",
                    "pbft.md section 11, 13",
                    "a storm of messages".to_owned(),
                );
                return;
            }
            match to {
                To::Machine(machine) => {
                    let mut out = Vec::new();
                    self.machines[machine].handle(self.now, from, message, &mut out);
                    self.said(machine, out);
                }
                To::Client => {
                    let mut events = Vec::new();
                    self.client.handle(self.now, from, message, &mut events);
                    self.follow(events);
                }
            }
        }
    }
}

fn job(round: u32) -> Job {
    Job {
        task: TaskId {
            request: RequestId(1),
            index: round as u16,
        },
        operation: Operation::Add,
        expression: None,
        left: round.to_string(),
        right: "1".to_owned(),
    }
}
