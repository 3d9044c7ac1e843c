//! Watches who is alive and raises faults (the report's section 1.4.1, steps a to d).
//!
//! It asks every member of every set that works, one after the other within each interval, and at once when the transport
//! says that a stream broke. Misses in a row make a fault: the admin looks up in the record what the member is ("talks
//! to etcd to find out", M12) and puts an event on the fault bus. It repairs nothing.

mod patient;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use tally_consensus::mutant::{self, Mutant};
use tally_model::{
    Change, Deadline, FaultEvent, FaultType, Instant, Machine, Member, MemberRole, NodeId, Observation,
    PlatformConfig, QueueName, SetId, SetRecord, SetState, Step,
};

use crate::fleet::SETS_PREFIX;
pub(crate) use patient::RAISE_AGAIN;

use crate::port::{PortCommand, PortEvent, Token};
use patient::Patient;

/// Members that are probed at most; more than any platform within its bounds has.
const MEMBERS_MAX: usize = 8192;

/// What can happen to an [`Admin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The watch of `sets/`; answers to sends.
    Port(PortEvent),
    /// To [`Command::Probe`].
    Probed {
        /// Which place was asked.
        node: NodeId,
        /// Which occupant.
        incarnation: u32,
        /// Whether it answered in time that it is well.
        ok: bool,
    },
    /// To [`Command::Probe`]: nothing came back in time. It may be dead, stopped, or only slow.
    Silent {
        /// Which place.
        node: NodeId,
        /// Which occupant was asked.
        incarnation: u32,
    },
    /// A stream to this node broke: it may be dead.
    PeerLost {
        /// Which place.
        node: NodeId,
    },
}

/// What an [`Admin`] wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The watch; fault events.
    Port(PortCommand),
    /// Ask a member for its health; answered by exactly one [`Event::Probed`] or [`Event::Silent`].
    Probe {
        /// Its place.
        node: NodeId,
        /// Which occupant.
        incarnation: u32,
        /// Host and port of its gRPC server.
        address: String,
        /// After this long without an answer it is missed.
        timeout: Duration,
    },
    /// For the record.
    Observe(Observation),
}

/// How members are examined.
#[derive(Clone, Copy, Debug)]
struct Routine {
    interval: Duration,
    timeout: Duration,
    misses: u32,
}

/// What a refused probe says, as a multiple of what silence says. A process that is gone refuses at once; on a machine without a
/// moment to spare everybody is silent for a while, and replacing them would make it worse.
const REFUSED: u32 = 4;
const SILENT: u32 = 1;

/// The machine. Wakes at once when it is new, to open its watch.
#[derive(Debug)]
pub struct Admin {
    routine: Routine,
    started: bool,
    records: BTreeMap<SetId, SetRecord>,
    patients: BTreeMap<NodeId, Patient>,
    /// Fault events that are not durable yet.
    sending: BTreeMap<Token, FaultEvent>,
    tokens: Token,
    /// Until then silence says nothing: this machine itself was late.
    starved_until: Instant,
}

impl Admin {
    /// With the probe waits of `config`.
    pub fn new(config: &PlatformConfig) -> Self {
        let shortest = Duration::from_millis(1);
        Self {
            routine: Routine {
                interval: config.timing.probe_interval.max(shortest),
                timeout: config.timing.probe_timeout.max(shortest),
                misses: config.timing.probe_misses.max(1),
            },
            started: false,
            records: BTreeMap::new(),
            patients: BTreeMap::new(),
            sending: BTreeMap::new(),
            tokens: 0,
            starved_until: Instant::ZERO,
        }
    }

    fn start(&mut self, out: &mut Vec<Command>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push(Command::Port(PortCommand::Watch {
                prefix: SETS_PREFIX.to_owned(),
            }));
        }
    }

    fn sets_changed(&mut self, now: Instant, changes: Vec<Change>) {
        for change in changes {
            let name = change.key.strip_prefix(SETS_PREFIX);
            let Some(id) = name.and_then(|name| name.parse::<SetId>().ok()) else {
                continue;
            };
            let record = change
                .value
                .and_then(|v| serde_json::from_str::<SetRecord>(&v.value).ok());
            // Members of a set that is starting are the fleet's to watch.
            let record = record.filter(|record| record.state != SetState::Starting);
            let members: Vec<Member> = record.iter().flat_map(SetRecord::members).cloned().collect();
            self.patients
                .retain(|node, _| node.set() != Some(id) || members.iter().any(|m| m.node == *node));
            for member in members {
                self.register(now, member);
            }
            match record {
                Some(record) => self.records.insert(id, record),
                None => self.records.remove(&id),
            };
        }
    }

    fn register(&mut self, now: Instant, member: Member) {
        let known = self.patients.get_mut(&member.node);
        if let Some(patient) = known.filter(|patient| patient.incarnation == member.incarnation) {
            patient.address = member.address;
        } else if self.patients.contains_key(&member.node) || self.patients.len() < MEMBERS_MAX {
            let patient = Patient::new(&member, now, self.routine.interval);
            self.patients.insert(member.node, patient);
        }
    }

    fn probed(&mut self, now: Instant, node: NodeId, incarnation: u32, ok: bool, out: &mut Vec<Command>) {
        if !ok {
            self.missed(now, node, incarnation, REFUSED, out);
            return;
        }
        let known = self.patients.get_mut(&node);
        let patient = known.filter(|patient| patient.incarnation == incarnation);
        if patient.is_some_and(|patient| patient.answered(self.routine.interval)) {
            out.push(Command::Observe(
                Observation::new(now, Step::FaultCleared).with_node(node),
            ));
        }
    }

    fn silent(&mut self, now: Instant, node: NodeId, incarnation: u32, out: &mut Vec<Command>) {
        let evidence = if now < self.starved_until { 0 } else { SILENT };
        self.missed(now, node, incarnation, evidence, out);
    }

    fn missed(
        &mut self,
        now: Instant,
        node: NodeId,
        incarnation: u32,
        evidence: u32,
        out: &mut Vec<Command>,
    ) {
        let known = self.patients.get_mut(&node);
        let Some(patient) = known.filter(|patient| patient.incarnation == incarnation) else {
            return;
        };
        let (misses, evidence) = patient.missed(self.routine.interval, evidence);
        if !patient.is_raised() {
            let missed = Observation::new(now, Step::ProbeMissed)
                .with_node(node)
                .with_value(f64::from(misses));
            out.push(Command::Observe(missed));
        }
        let enough = evidence >= self.routine.misses.saturating_mul(REFUSED);
        if enough && patient.may_raise(now) && !mutant::is(Mutant::IgnoreSilence) {
            self.raise(now, node, incarnation, out);
        }
    }

    /// Finds out what the member is, and tells the fault bus.
    fn raise(&mut self, now: Instant, node: NodeId, incarnation: u32, out: &mut Vec<Command>) {
        let record = node.set().and_then(|id| self.records.get(&id));
        let kind = match record.and_then(|record| record.role_of(node)) {
            Some(MemberRole::Worker) => FaultType::Worker,
            Some(MemberRole::Leader) => FaultType::Leader,
            Some(MemberRole::Follower) => FaultType::Follower,
            None => return,
        };
        let event = FaultEvent {
            kind,
            node,
            incarnation,
            source: "admin".to_owned(),
            noticed: now,
        };
        let Ok(body) = serde_json::to_string(&event) else {
            return;
        };
        if let Some(patient) = self.patients.get_mut(&node) {
            patient.raise(now);
        }
        self.tokens += 1;
        self.sending.insert(self.tokens, event);
        out.push(Command::Port(PortCommand::Send {
            token: self.tokens,
            queue: QueueName::Faults,
            bodies: vec![body],
        }));
    }

    fn sent(&mut self, now: Instant, token: Token, ok: bool, out: &mut Vec<Command>) {
        let Some(event) = self.sending.remove(&token) else {
            return;
        };
        if ok {
            let raised = Observation::new(now, Step::FaultRaised)
                .with_node(event.node)
                .with_note(format!("type {} from {}", event.kind.numeral(), event.source));
            out.push(Command::Observe(raised));
        } else if let Some(patient) = self.patients.get_mut(&event.node)
            && patient.incarnation == event.incarnation
        {
            // The next miss tries again.
            patient.not_raised();
        }
    }

    /// Sends every probe that is due.
    fn probe_due(&mut self, now: Instant, out: &mut Vec<Command>) {
        let mut late = Vec::new();
        for (&node, patient) in &mut self.patients {
            if now < patient.due() {
                continue;
            }
            if patient.is_being_probed() {
                late.push((node, patient.incarnation));
                continue;
            }
            patient.probe(now, &self.routine);
            out.push(Command::Probe {
                node,
                incarnation: patient.incarnation,
                address: patient.address.clone(),
                timeout: self.routine.timeout,
            });
        }
        // A probe whose answer never came is a miss.
        for (node, incarnation) in late {
            self.silent(now, node, incarnation, out);
        }
    }
}

impl Machine for Admin {
    type Event = Event;
    type Command = Command;

    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Command>) {
        self.start(out);
        match event {
            Event::Port(PortEvent::Changed(prefix, changes)) if prefix == SETS_PREFIX => {
                self.sets_changed(now, changes);
            }
            Event::Port(PortEvent::Sent(token, answer)) => self.sent(now, token, answer.is_ok(), out),
            Event::Port(_) => {}
            Event::Probed {
                node,
                incarnation,
                ok,
            } => self.probed(now, node, incarnation, ok, out),
            Event::Silent { node, incarnation } => self.silent(now, node, incarnation, out),
            Event::PeerLost { node } => {
                if let Some(patient) = self.patients.get_mut(&node) {
                    patient.hurry(now);
                }
                self.probe_due(now, out);
            }
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Command>) {
        let due = self.deadline().map_or(now, |deadline| deadline.at);
        if self.started && now.since(due) > self.routine.interval {
            // Who is late itself cannot tell whether others are.
            self.starved_until = now + self.routine.timeout * 2;
        }
        self.start(out);
        self.probe_due(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        if !self.started {
            return Some(Deadline {
                at: Instant::ZERO,
                reason: "start",
            });
        }
        let due = self.patients.values().map(Patient::due).min();
        due.map(|at| Deadline { at, reason: "probe" })
    }
}
