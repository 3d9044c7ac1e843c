//! The fault bus: faults in, repairs wanted out (report section 1.4.1, steps e to h).
//!
//! The repair itself is the cluster service's; the scheduler writes `repair/<node>` and goes on. In the report's mode it
//! stops dispatching for a fixed time instead, which is kept to be measured against.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_consensus::mutant::{self, Mutant};
use tally_model::{
    AnswerMessage, Deadline, Delivery, Failure, FaultEvent, FaultType, Instant, Observation, Outcome,
    Precondition, QueueName, Receipt, RequestId, RequestMessage, Step, TaskMessage,
};

use super::receipts::Receipts;
use super::requests::{Admitted, Held};
use super::sending::Sending;
use super::{Command, Scheduler, delete};
use crate::port::PortCommand;

/// The value of `repair/<node>`: which occupant of the place is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The incarnation that failed.
    pub incarnation: u32,
    /// What it was.
    pub kind: FaultType,
    /// When it was noticed.
    pub noticed: Instant,
}

/// Repairs being stored, and the report's pause.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    storing: BTreeMap<u64, Receipt>,
    paused_until: Option<Instant>,
}

impl Recovery {
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    pub(super) fn resume(&mut self, now: Instant) -> bool {
        let over = self.paused_until.is_some_and(|until| until <= now);
        if over {
            self.paused_until = None;
        }
        over
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.paused_until.map(|at| Deadline {
            at,
            reason: "the report's sleep ends",
        })
    }
}

impl Scheduler {
    pub(super) fn take_fault(&mut self, now: Instant, delivery: Delivery, out: &mut Vec<Command>) {
        let Ok(event) = serde_json::from_str::<FaultEvent>(&delivery.body) else {
            return;
        };
        out.push(Command::Observe(
            Observation::new(now, Step::FaultTaken)
                .with_node(event.node)
                .with_note(format!("type {}", event.kind.numeral())),
        ));
        if self.report_mode() && !self.recovery.is_paused(now) {
            self.recovery.paused_until = Some(now + self.config.timing.report_sleep);
            out.push(Command::Observe(
                Observation::new(now, Step::DispatchPaused).with_node(event.node),
            ));
        }
        let repair = Repair {
            incarnation: event.incarnation,
            kind: event.kind,
            noticed: event.noticed,
        };
        let token = self.token();
        self.recovery.storing.insert(token, delivery.receipt);
        out.push(Command::Observe(
            Observation::new(now, Step::ReplacementRequested)
                .with_node(event.node)
                .with_value(f64::from(event.incarnation)),
        ));
        out.push(Command::Port(PortCommand::Put {
            token,
            key: format!("repair/{}", event.node),
            value: serde_json::to_string(&repair).unwrap_or_default(),
            when: Precondition::Any,
        }));
    }

    /// A repair is durable: its fault event can go. If it is not, the event comes again after its lease.
    pub(super) fn repair_stored(&mut self, _now: Instant, token: u64, ok: bool, out: &mut Vec<Command>) {
        if let Some(receipt) = self.recovery.storing.remove(&token)
            && ok
        {
            out.push(delete(QueueName::Faults, receipt));
        }
    }

    /// Ends what was received too often with a named outcome, so that its client hears of it (guarantee G6). Its message goes
    /// when that is durable; until then it comes again, and changes nothing.
    pub(super) fn take_dead(&mut self, now: Instant, delivery: Delivery, out: &mut Vec<Command>) {
        if mutant::is(Mutant::DropDeadLetters) {
            out.push(delete(QueueName::Dead, delivery.receipt));
            return;
        }
        if let Ok(message) = serde_json::from_str::<RequestMessage>(&delivery.body) {
            self.end_dead_request(now, message, delivery.receipt, out);
        } else if serde_json::from_str::<AnswerMessage>(&delivery.body).is_ok() {
            // An answer must not be lost because its collector was unlucky: give it another round.
            self.send(Sending::Redriven(delivery.body, delivery.receipt), out);
        } else {
            if let Ok(task) = serde_json::from_str::<TaskMessage>(&delivery.body) {
                // What keeps its request is the inbound message, not this one.
                self.end_request(now, task.job.task.request, out);
            }
            out.push(delete(QueueName::Dead, delivery.receipt));
        }
    }

    fn end_dead_request(
        &mut self,
        now: Instant,
        message: RequestMessage,
        receipt: Receipt,
        out: &mut Vec<Command>,
    ) {
        let id = message.id;
        let held = Held {
            inbound: Receipts::default(),
            dead: Some(receipt.clone()),
        };
        match self.requests.admit(message, held) {
            Admitted::New(_) | Admitted::Again => self.end_request(now, id, out),
            Admitted::Finished => out.push(delete(QueueName::Dead, receipt)),
        }
    }

    pub(super) fn raise(&mut self, event: &FaultEvent, now: Instant, out: &mut Vec<Command>) {
        let body = serde_json::to_string(event).unwrap_or_default();
        out.push(Command::Observe(
            Observation::new(now, Step::FaultRaised)
                .with_node(event.node)
                .with_note(format!("type {} by {}", event.kind.numeral(), event.source)),
        ));
        self.send(Sending::Fault(body), out);
    }

    fn end_request(&mut self, now: Instant, id: RequestId, out: &mut Vec<Command>) {
        let outcome = Outcome::Error(Failure::DeadLettered);
        if self
            .requests
            .end(id, outcome, "received too often without success")
        {
            out.push(Command::Observe(
                Observation::new(now, Step::DeadLettered).with_request(id),
            ));
            self.progress(now, id, out);
        }
    }
}
