//! Splits, queues, dispatches, folds, answers: the report's PR-SC service (section 3.3, step 4).
//!
//! ```text
//!  inbound --> [requests] --ready--> layer-* --> [waiting] --capacity--> worker
//!                  ^                                                       |
//!                  +------------- fold <--- verify certificate <-----------+
//!                  |
//!                  +--answer--> outbound, then the inbound message is deleted
//! ```
//!
//! With `dispatch = whole` an expression is one task, of the layer of its root operation; all else is the same.
//!
//! The inbound message is the durable state of a request: its lease is extended for as long as the request is in hand, and
//! whatever this machine forgets by dying is received and computed again.

mod answer;
mod dispatch;
mod flight;
mod intake;
mod interface;
mod leases;
mod receipts;
pub mod recovery;
mod reporting;
mod requests;
mod sending;
mod sets;
mod silence;

use std::time::Duration;

use tally_expression::MAX_NODES;
use tally_model::{
    Deadline, Dispatch, Instant, Machine, Observation, Operation, PlatformConfig, QueueName, SetId, Step,
};

use crate::load::LoadReport;
use crate::packet::Packet;
use crate::port::{PortCommand, PortEvent};
use flight::Flights;
use recovery::Recovery;
use requests::Requests;
use sending::Sending;
use sets::Sets;

pub use interface::{Command, Event};

/// Most messages asked for in one receive.
const BATCH: usize = 64;
/// Requests in hand at once; more wait in the inbound queue.
const REQUESTS_MAX: usize = 8_192;
/// Tasks of the requests in hand at once; requests that might bring more wait in the inbound queue. Without it the largest requests,
/// as many as [`REQUESTS_MAX`], would be 33 million tasks.
const TASKS_MAX: usize = 262_144;
/// Tasks of one request at most: n operations have n + 1 numbers.
const TASKS_OF_ONE: usize = MAX_NODES / 2;
// With nothing in hand every request has room.
const _: () = assert!(TASKS_MAX >= BATCH * TASKS_OF_ONE);
/// Pause after a port failed.
const RETRY: Duration = Duration::from_millis(200);

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler {
    config: PlatformConfig,
    requests: Requests,
    sets: Sets,
    flights: Flights,
    recovery: Recovery,
    silence: silence::Silence,
    sending: std::collections::BTreeMap<u64, Sending>,
    receiving: [bool; QueueName::ALL.len()],
    retry_at: Option<Instant>,
    retries: Vec<Sending>,
    next_token: u64,
    next_poll: Instant,
    next_lease: Instant,
    load: LoadReport,
    next_report: Instant,
    /// The report that is being stored.
    reporting: Option<u64>,
}

impl Scheduler {
    /// A scheduler that begins to receive with [`Scheduler::start`].
    pub fn new(config: PlatformConfig, cluster: [u8; 16]) -> Self {
        let sets = Sets::new(&config, cluster);
        Self {
            requests: Requests::new(config.dispatch),
            sets,
            flights: Flights::default(),
            recovery: Recovery::default(),
            silence: silence::Silence::default(),
            sending: std::collections::BTreeMap::new(),
            receiving: [false; QueueName::ALL.len()],
            retry_at: None,
            retries: Vec::new(),
            next_token: 0,
            next_poll: Instant::ZERO,
            next_lease: Instant::ZERO,
            load: LoadReport::begin(Instant::ZERO),
            next_report: Instant::ZERO,
            reporting: None,
            config,
        }
    }

    /// Opens the watch on sets and the first receives.
    pub fn start(&mut self, now: Instant, out: &mut Vec<Command>) {
        out.push(Command::Port(PortCommand::Watch {
            prefix: "sets/".into(),
        }));
        self.next_poll = now + self.config.timing.report_poll;
        self.next_lease = now + self.config.timing.visibility / 3;
        self.begin_reports(now);
        self.receive_all(now, out);
    }

    /// Requests in hand.
    pub fn pending(&self) -> usize {
        self.requests.len()
    }

    /// Tasks in flight at a set.
    pub fn in_flight(&self, set: SetId) -> usize {
        self.flights.at(set)
    }

    fn report_mode(&self) -> bool {
        self.config.dispatch == Dispatch::Report
    }

    /// The report's mode: layers and dependents are looked at on a period (M37, M58, M71).
    fn poll(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.next_poll = now + self.config.timing.report_poll;
        if self.recovery.is_paused(now) {
            return;
        }
        for id in self.requests.ids() {
            self.progress(now, id, out);
        }
        for operation in Operation::ALL {
            self.dispatch(now, operation, out);
        }
        self.look(now, out);
    }

    /// Asks every queue, the layers too.
    fn look(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.receive_all(now, out);
        for operation in Operation::ALL {
            self.look_at(now, operation, out);
        }
    }
}

impl Machine for Scheduler {
    type Event = Event;
    type Command = Command;

    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Port(event) => self.port(now, event, out),
            Event::Packet { from, packet } => match packet {
                Packet::Done(done) => self.arrived(now, from, *done, out),
                Packet::Suspect(fault) => self.raise(&fault, now, out),
                Packet::Busy(task) => self.put_off(now, from, task, out),
                Packet::Led(led) => self.led(from, led, out),
                Packet::Configure(_) | Packet::Assign(_) | Packet::Set(_) => {}
            },
            Event::PeerUp(node) => self.peer_up(now, node, out),
            Event::PeerLost(node) => self.peer_lost(now, node, out),
            Event::Trigger { call } => {
                self.look(now, out);
                out.push(Command::Triggered {
                    call,
                    pending: self.requests.len() as u64,
                });
            }
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Command>) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry(now, out);
        }
        if self.recovery.resume(now) {
            out.push(Command::Observe(Observation::new(now, Step::DispatchResumed)));
            self.poll(now, out);
        }
        if self.report_mode() && self.next_poll <= now {
            self.poll(now, out);
        }
        if self.next_lease <= now {
            self.extend_leases(now, out);
        }
        if self.next_report <= now {
            self.report(now, out);
        }
        self.expire_flights(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let at = |at, reason| Some(Deadline { at, reason });
        let mut first = at(self.next_lease, "extend leases");
        first = Deadline::earlier(first, at(self.next_report, "report the load"));
        first = Deadline::earlier(
            first,
            self.retry_at.map(|at| Deadline {
                at,
                reason: "retry a failed port",
            }),
        );
        first = Deadline::earlier(first, self.flights.deadline());
        first = Deadline::earlier(first, self.recovery.deadline());
        if self.report_mode() {
            first = Deadline::earlier(first, at(self.next_poll, "the report's poll"));
        }
        first
    }
}

impl Scheduler {
    fn port(&mut self, now: Instant, event: PortEvent, out: &mut Vec<Command>) {
        match event {
            PortEvent::Received(queue, result) => self.received(now, queue, result, out),
            PortEvent::Sent(token, result) => self.sent(now, token, result, out),
            PortEvent::PutDone(token, _) if self.reporting == Some(token) => self.reporting = None,
            PortEvent::PutDone(token, result) => self.repair_stored(now, token, result.is_ok(), out),
            PortEvent::Changed(_, changes) => self.sets_changed(now, changes, out),
            PortEvent::Deleted(..)
            | PortEvent::Depth(..)
            | PortEvent::Got(..)
            | PortEvent::Listed(..)
            | PortEvent::KeyDeleted(..)
            | PortEvent::PodCreated(..)
            | PortEvent::PodDeleted(..)
            | PortEvent::Pods(_) => {}
        }
    }
}

fn delete(queue: QueueName, receipt: tally_model::Receipt) -> Command {
    Command::Port(PortCommand::Delete {
        queue,
        receipts: vec![receipt],
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| {
            [
                DIGITS[(b >> 4) as usize] as char,
                DIGITS[(b & 15) as usize] as char,
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests;
