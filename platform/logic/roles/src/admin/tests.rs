//! What the admin owes the fault bus.

use tally_model::{Epoch, Operation, Versioned};

use super::*;
use crate::port::Trouble;

const SET: SetId = SetId {
    operation: Operation::Add,
    number: 1,
};

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn member(node: NodeId, incarnation: u32) -> Member {
    Member {
        node,
        incarnation,
        address: format!("host/{node}"),
        public_key: String::new(),
    }
}

fn record(state: SetState, incarnation: u32) -> SetRecord {
    SetRecord {
        id: SET,
        epoch: Epoch(5),
        founded: None,
        state,
        leader: 2,
        worker: Some(member(NodeId::Worker(SET), incarnation)),
        replicas: (0..4)
            .map(|index| member(NodeId::Replica(SET, index), incarnation))
            .collect(),
        created: Instant::ZERO,
        ready: None,
    }
}

fn change(record: Option<&SetRecord>) -> Event {
    let value = record.map(|record| Versioned {
        value: serde_json::to_string(record).unwrap(),
        version: 1,
    });
    let key = format!("{SETS_PREFIX}{SET}");
    Event::Port(PortEvent::Changed(
        SETS_PREFIX.to_owned(),
        vec![Change { key, value }],
    ))
}

/// An admin that is woken whenever it asks to be, while some nodes do not answer.
struct Bench {
    admin: Admin,
    now: Instant,
    dead: Vec<NodeId>,
    /// Whether the fault bus takes events.
    bus: bool,
    probes: Vec<(Instant, NodeId)>,
    faults: Vec<FaultEvent>,
    steps: Vec<Step>,
}

impl Bench {
    fn new(record: &SetRecord) -> Self {
        let mut bench = Self {
            admin: Admin::new(&PlatformConfig::default()),
            now: at(0),
            dead: Vec::new(),
            bus: true,
            probes: Vec::new(),
            faults: Vec::new(),
            steps: Vec::new(),
        };
        bench.tell(change(Some(record)));
        bench
    }

    fn tell(&mut self, event: Event) {
        let mut out = Vec::new();
        self.admin.handle(self.now, event, &mut out);
        self.obey(out);
    }

    fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Probe {
                    node, incarnation, ..
                } => {
                    self.probes.push((self.now, node));
                    let ok = !self.dead.contains(&node);
                    self.tell(Event::Probed {
                        node,
                        incarnation,
                        ok,
                    });
                }
                Command::Port(PortCommand::Send { token, bodies, .. }) => {
                    if self.bus {
                        self.faults.push(serde_json::from_str(&bodies[0]).unwrap());
                    }
                    let trouble = Trouble {
                        transient: true,
                        message: String::new(),
                    };
                    let answer = if self.bus { Ok(()) } else { Err(trouble) };
                    self.tell(Event::Port(PortEvent::Sent(token, answer)));
                }
                Command::Port(_) => {}
                Command::Observe(observation) => self.steps.push(observation.step),
            }
        }
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(deadline) = self.admin.deadline().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(deadline.at);
            let mut out = Vec::new();
            self.admin.wake(self.now, &mut out);
            self.obey(out);
        }
        self.now = end;
    }

    fn count(&self, step: Step) -> usize {
        self.steps.iter().filter(|&&seen| seen == step).count()
    }
}

/// Every member is asked about once per interval, and not all at the same moment.
#[test]
fn probes_are_regular_and_staggered() {
    let mut bench = Bench::new(&record(SetState::Ready, 0));
    bench.run_until(at(2_000));
    let rounds = 2_000 / 200;
    assert!(
        (5 * (rounds - 1)..=5 * rounds).contains(&bench.probes.len()),
        "{}",
        bench.probes.len()
    );
    let moments: std::collections::BTreeSet<_> = bench.probes.iter().map(|(at, _)| at).collect();
    assert!(moments.len() > rounds, "not in bursts");
}

/// A fault has the type that the record says, is raised after the allowed misses, once per occupant, and again when ten seconds
/// have changed nothing.
#[test]
fn a_dead_member_is_raised_by_role_once_and_again_after_ten_seconds() {
    let cases = [
        (NodeId::Worker(SET), FaultType::Worker),
        (NodeId::Replica(SET, 2), FaultType::Leader),
        (NodeId::Replica(SET, 3), FaultType::Follower),
    ];
    for (node, kind) in cases {
        let mut bench = Bench::new(&record(SetState::Ready, 7));
        bench.dead = vec![node];
        bench.run_until(at(9_000));
        assert_eq!(bench.faults.len(), 1);
        let fault = &bench.faults[0];
        assert_eq!((fault.kind, fault.node, fault.incarnation), (kind, node, 7));
        assert_eq!(fault.source, "admin");
        assert_eq!(
            bench.count(Step::ProbeMissed),
            2,
            "misses are observed until the fault is raised"
        );
        bench.run_until(at(12_000));
        assert_eq!(bench.faults.len(), 2);
        bench.tell(change(Some(&record(SetState::Ready, 8))));
        bench.run_until(at(13_000));
        assert_eq!(
            bench.faults.last().map(|fault| fault.incarnation),
            Some(8),
            "a new occupant counts anew"
        );
    }
}

/// A paused process that comes back clears its fault; one that only missed a probe never had one.
#[test]
fn an_answer_clears_a_fault() {
    let mut bench = Bench::new(&record(SetState::Fenced, 0));
    bench.dead = vec![NodeId::Worker(SET)];
    bench.run_until(at(300));
    bench.dead.clear();
    bench.run_until(at(1_000));
    assert_eq!(
        bench.count(Step::FaultRaised) + bench.count(Step::FaultCleared),
        0
    );
    bench.dead = vec![NodeId::Worker(SET)];
    bench.run_until(at(2_000));
    bench.dead.clear();
    bench.run_until(at(3_000));
    assert_eq!(
        (bench.count(Step::FaultRaised), bench.count(Step::FaultCleared)),
        (1, 1)
    );
}

/// A broken stream brings the probe forward, but a storm of them does not bring a storm of probes.
#[test]
fn a_broken_stream_is_looked_into_at_once() {
    let mut bench = Bench::new(&record(SetState::Ready, 0));
    let node = NodeId::Replica(SET, 1);
    bench.run_until(at(1_000));
    let before = bench.probes.len();
    bench.run_until(at(1_011));
    for _ in 0..100 {
        bench.tell(Event::PeerLost { node });
    }
    let asked: Vec<_> = bench.probes[before..]
        .iter()
        .filter(|(_, asked)| *asked == node)
        .collect();
    assert_eq!(asked.len(), 1);
    bench.tell(Event::PeerLost {
        node: NodeId::Control,
    });
}

/// Sets that are starting are the fleet's business, and sets that are gone nobody's.
#[test]
fn only_sets_that_work_are_probed() {
    let mut bench = Bench::new(&record(SetState::Starting, 0));
    bench.run_until(at(1_000));
    assert_eq!(bench.probes.len(), 0);
    bench.tell(change(Some(&record(SetState::Draining, 0))));
    bench.run_until(at(2_000));
    let probes = bench.probes.len();
    assert!(probes > 0);
    bench.tell(change(None));
    bench.run_until(at(3_000));
    assert_eq!(bench.probes.len(), probes);
    assert_eq!(bench.admin.deadline(), None);
}

/// A fault that the bus did not take is raised again at the next miss.
#[test]
fn a_fault_is_not_lost_with_the_bus() {
    let mut bench = Bench::new(&record(SetState::Ready, 0));
    bench.bus = false;
    bench.dead = vec![NodeId::Worker(SET)];
    bench.run_until(at(2_000));
    assert_eq!(bench.count(Step::FaultRaised), 0);
    bench.bus = true;
    bench.run_until(at(2_300));
    assert_eq!((bench.faults.len(), bench.count(Step::FaultRaised)), (1, 1));
}

/// Silence is weaker evidence than refusal: it takes four times as many misses, so that a machine without a moment to spare does
/// not have its healthy members replaced. And it says nothing at all while the admin itself is late.
#[test]
fn silence_takes_longer_to_believe_than_refusal() {
    let worker = NodeId::Worker(SET);
    let silences_until_raised = |starved: bool| {
        let mut bench = Bench::new(&record(SetState::Ready, 0));
        bench.run_until(at(500));
        if starved {
            // Woken a second after it wanted to be.
            bench.now = at(1_800);
            let mut out = Vec::new();
            bench.admin.wake(bench.now, &mut out);
        }
        (1..=12).find(|_| {
            bench.now = bench.now + Duration::from_millis(1);
            bench.tell(Event::Silent {
                node: worker,
                incarnation: 0,
            });
            !bench.faults.is_empty()
        })
    };
    assert_eq!(silences_until_raised(false), Some(8));
    assert_eq!(silences_until_raised(true), None);
}
