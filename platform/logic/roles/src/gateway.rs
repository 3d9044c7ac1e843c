//! Accepts an expression and gives it an id; later hands out the answer.
//!
//! Three promises are kept here. *Accepted* is said only when both the record `request/<id>` and the message on
//! `inbound` are durable, so nothing accepted is lost. *Refused* is said before either exists, so nothing refused is
//! executed. *Done* is said only of what stands in `answer/<id>`, which is written once, so nobody sees two outcomes.
//!
//! One gateway collects answers (part 1 runs one). Its count of requests without an outcome is exact for what this process
//! accepted, plus the depth of `inbound` at its start for what earlier lives accepted.

mod admission;
mod collector;
mod interface;
mod ledger;
mod naming;
mod readers;
mod recent;
mod retention;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tally_model::{
    AnswerMessage, Deadline, Instant, Limits, Machine, Observation, Outcome, QueueName, RequestId, Step,
    Timing, Versioned,
};

pub use interface::{CallId, GatewayCommand, GatewayEvent, Gauge, Response, Submission};

use crate::port::{PortCommand, PortEvent, Token, Trouble};
use admission::Admission;
use collector::{Collected, Collector};
use ledger::{Ledger, Purpose, respond_all};
use readers::Readers;
use retention::{Retention, forget};

/// At most this often the gauge is reported.
const GAUGE_PERIOD: Duration = Duration::from_millis(100);
/// After this the depth is asked again if it could not be told.
const DEPTH_RETRY: Duration = Duration::from_secs(1);
/// Ids whose duplicates were reported, remembered so that each is reported once.
const REPORTED: usize = 10_000;
/// Characters of an outcome in the note of a conflict.
const SHOWN: usize = 200;

/// The gateway and its collector.
#[derive(Debug)]
pub struct Gateway {
    ledger: Ledger,
    admission: Admission,
    readers: Readers,
    collector: Collector,
    retention: Retention,
    reported: BTreeSet<RequestId>,
    reported_order: VecDeque<RequestId>,
    depth_at: Option<Instant>,
    gauge: Option<Gauge>,
    gauge_at: Instant,
}

impl Gateway {
    /// A gateway that has seen nothing. It starts its collector at the first wake, which is due at once.
    pub fn new(limits: Limits, timing: Timing) -> Self {
        Self {
            ledger: Ledger::new(limits, timing),
            admission: Admission::default(),
            readers: Readers::default(),
            collector: Collector::default(),
            retention: Retention::default(),
            reported: BTreeSet::new(),
            reported_order: VecDeque::new(),
            depth_at: Some(Instant::ZERO),
            gauge: None,
            gauge_at: Instant::ZERO,
        }
    }

    /// From now on the record of a request and its message are asked for as one write ([`PortCommand::PutAndSend`]), which is of use
    /// where store and queue are one.
    pub const fn enter_at_once(&mut self) {
        self.admission.enter_at_once();
    }

    /// Levels and counts as of now.
    pub fn gauge(&self) -> Gauge {
        Gauge {
            pending: (self.ledger.unfinished() + self.admission.unsent()) as u64,
            waiting: self.readers.len() as u64,
            ..self.ledger.gauge
        }
    }

    fn submit(&mut self, now: Instant, submission: Submission, out: &mut Vec<GatewayCommand>) {
        match tally_expression::parse(&submission.expression) {
            Ok(_) => self.admission.submit(now, submission, &mut self.ledger, out),
            Err(error) => {
                let refused = Response::Refused {
                    failure: error.failure,
                    diagnostics: error.diagnostics,
                };
                respond_all([submission.call], &refused, out);
            }
        }
    }

    fn port(&mut self, now: Instant, event: PortEvent, out: &mut Vec<GatewayCommand>) {
        match event {
            PortEvent::Sent(token, result) => {
                if let Some(Purpose::Send(ids)) = self.ledger.answered(token) {
                    self.admission.sent(now, ids, result, &mut self.ledger, out);
                }
            }
            PortEvent::Received(QueueName::Outbound, result) => {
                self.collector.received(now, result, &mut self.ledger, out);
            }
            PortEvent::Deleted(QueueName::Outbound, result) => {
                self.collector.deleted(now, result, &mut self.ledger);
            }
            PortEvent::Depth(QueueName::Inbound, result) => match result {
                Ok(depth) => {
                    if !self.ledger.gauge.ready {
                        // What this process sent before the answer came is counted exactly already.
                        let own = self.ledger.pending.len() as u64;
                        self.ledger.inherited = (depth.visible + depth.in_flight).saturating_sub(own);
                    }
                    self.ledger.gauge.ready = true;
                }
                Err(_) => {
                    self.ledger.gauge.troubles += 1;
                    self.depth_at = Some(now + DEPTH_RETRY);
                }
            },
            PortEvent::Got(token, result) => self.got(now, token, result, out),
            PortEvent::PutDone(token, result) => match self.ledger.answered(token) {
                Some(Purpose::Record(id)) => self.admission.recorded(id, result, &mut self.ledger, out),
                Some(Purpose::Enter(id)) => self.admission.entered(id, result, &mut self.ledger, out),
                Some(Purpose::Store(number)) => {
                    if let Some(collected) = self.collector.stored(now, number, result, &mut self.ledger) {
                        self.collected(now, collected, out);
                    }
                }
                Some(_) | None => {}
            },
            PortEvent::KeyDeleted(token, result) => {
                if let Some(purpose) = self.ledger.answered(token) {
                    self.retention
                        .forgotten(now, purpose, result, &self.admission, &mut self.ledger, out);
                }
            }
            PortEvent::Listed(token, result) => {
                if self.ledger.answered(token) == Some(Purpose::Sweep) {
                    self.retention
                        .listed(now, result, &self.admission, &mut self.ledger, out);
                }
            }
            // Answers to what a gateway never asks.
            PortEvent::Received(..)
            | PortEvent::Deleted(..)
            | PortEvent::Depth(..)
            | PortEvent::Changed(..)
            | PortEvent::PodCreated(..)
            | PortEvent::PodDeleted(..)
            | PortEvent::Pods(_) => {}
        }
    }

    fn got(
        &mut self,
        now: Instant,
        token: Token,
        result: Result<Option<Versioned>, Trouble>,
        out: &mut Vec<GatewayCommand>,
    ) {
        match self.ledger.answered(token) {
            Some(Purpose::AskRecord(id)) => self.admission.asked(id, result, &mut self.ledger, out),
            Some(Purpose::Replay(id)) => {
                let result = self.answer(now, id, result, out);
                self.admission.replayed(id, result, &mut self.ledger, out);
            }
            Some(Purpose::ReadAnswer(id)) => {
                let result = self.answer(now, id, result, out);
                self.readers.got_answer(now, id, result, &mut self.ledger, out);
            }
            Some(Purpose::ReadRequest(id)) => {
                self.readers.got_request(now, id, result, &mut self.ledger, out);
            }
            Some(purpose @ (Purpose::ForgetLook(_) | Purpose::ForgetRead(_))) => {
                self.retention
                    .looked(now, purpose, result, &self.admission, &mut self.ledger, out);
            }
            Some(_) | None => {}
        }
    }

    /// Reads a stored answer. One whose retention is over is as good as gone, and removed now; if its key is in use again, it is gone
    /// for everybody who asks.
    fn answer(
        &mut self,
        now: Instant,
        id: RequestId,
        result: Result<Option<Versioned>, Trouble>,
        out: &mut Vec<GatewayCommand>,
    ) -> Result<Option<Arc<AnswerMessage>>, Trouble> {
        let Some(stored) = result? else {
            return Ok(None);
        };
        let answer: AnswerMessage = serde_json::from_str(&stored.value).map_err(|error| Trouble {
            transient: false,
            message: format!("the stored answer cannot be read: {error}"),
        })?;
        if self.ledger.is_over(now, answer.folded) {
            forget(id, &self.admission, &mut self.ledger, out);
            if self.ledger.pending.contains(&id) {
                return Ok(None);
            }
        }
        Ok(Some(Arc::new(answer)))
    }

    fn collected(&mut self, now: Instant, collected: Collected, out: &mut Vec<GatewayCommand>) {
        match collected {
            Collected::Stored(answer) => {
                self.ledger.gauge.answered += 1;
                self.complete(now, &answer, out);
            }
            Collected::Stale(id) => forget(id, &self.admission, &mut self.ledger, out),
            Collected::Again(first, second) => {
                self.compare(now, &first, &second, out);
                // Stored by a life that died before it told anybody, or by a write whose answer was lost.
                if self.ledger.recent.get(first.id).is_none() {
                    self.complete(now, &first, out);
                }
            }
        }
    }

    /// Tells everybody about an answer that is stored.
    fn complete(&mut self, now: Instant, answer: &Arc<AnswerMessage>, out: &mut Vec<GatewayCommand>) {
        let id = answer.id;
        if !self.ledger.pending.remove(&id) && !self.admission.answered(id) {
            self.ledger.inherited = self.ledger.inherited.saturating_sub(1);
        }
        self.ledger.recent.insert(answer);
        self.retention.schedule(now, id, &self.ledger);
        let response = Response::Answered {
            answer: Arc::clone(answer),
        };
        self.readers.resolve(id, &response, out);
        out.push(GatewayCommand::Publish {
            answer: Arc::clone(answer),
        });
    }

    /// A second answer: the same message delivered again, an equal outcome computed again, or a contradiction.
    fn compare(
        &mut self,
        now: Instant,
        first: &AnswerMessage,
        second: &AnswerMessage,
        out: &mut Vec<GatewayCommand>,
    ) {
        let claims = [&first.outcome, &second.outcome].map(is_claim);
        if first.outcome != second.outcome && claims == [true, true] {
            self.ledger.gauge.conflicts += 1;
            let note = format!(
                "kept `{}`, refused `{}`",
                shown(&first.outcome),
                shown(&second.outcome)
            );
            let observation = Observation::new(now, Step::ConflictingOutcome).with_request(first.id);
            out.push(GatewayCommand::Observe(observation.with_note(note)));
            return;
        }
        if first == second && self.ledger.recent.get(first.id).is_none() {
            // Our own write whose answer was lost, or whose process died: not a second outcome.
            return;
        }
        self.ledger.gauge.duplicates += 1;
        if self.reported.insert(first.id) {
            self.reported_order.push_back(first.id);
            if self.reported_order.len() > REPORTED
                && let Some(oldest) = self.reported_order.pop_front()
            {
                self.reported.remove(&oldest);
            }
            let note = if first == second {
                "the same message again"
            } else if first.outcome != second.outcome {
                "given up on in one place and answered in another"
            } else {
                "computed again"
            };
            let observation = Observation::new(now, Step::DuplicateOutcome).with_request(first.id);
            out.push(GatewayCommand::Observe(observation.with_note(note)));
        }
    }

    /// What follows after every event: keep the collector busy, say what changed.
    fn after(&mut self, now: Instant, out: &mut Vec<GatewayCommand>) {
        if self.depth_at.is_some_and(|at| at <= now) {
            if self.ledger.started.is_none() {
                self.ledger.started = Some(now);
                self.retention.start(now, &self.ledger);
            }
            self.depth_at = None;
            out.push(GatewayCommand::Port(PortCommand::Depth {
                queue: QueueName::Inbound,
            }));
        }
        self.collector.pump(now, out);
        let gauge = self.gauge();
        let due = self.gauge_at <= now || self.gauge.is_none_or(|told| told.ready != gauge.ready);
        if self.gauge != Some(gauge) && due {
            self.gauge = Some(gauge);
            self.gauge_at = now + GAUGE_PERIOD;
            out.push(GatewayCommand::Gauge(gauge));
        }
    }
}

impl Machine for Gateway {
    type Event = GatewayEvent;
    type Command = GatewayCommand;

    fn handle(&mut self, now: Instant, event: GatewayEvent, out: &mut Vec<GatewayCommand>) {
        match event {
            GatewayEvent::Port(event) => self.port(now, event, out),
            GatewayEvent::Submit(submission) => self.submit(now, submission, out),
            GatewayEvent::Lookup { call, id } => {
                self.readers.ask(now, call, id, now, &mut self.ledger, out);
            }
            GatewayEvent::Wait { call, id, until } => {
                let until = until.min(now + self.ledger.limits.wait);
                self.readers.ask(now, call, id, until, &mut self.ledger, out);
            }
            GatewayEvent::Cancel { call } => self.readers.cancel(call),
        }
        self.after(now, out);
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<GatewayCommand>) {
        self.admission.wake(now, &mut self.ledger, out);
        self.readers.wake(now, &mut self.ledger, out);
        self.collector.wake(now, &mut self.ledger, out);
        self.retention.wake(now, &self.admission, &mut self.ledger, out);
        self.after(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let gauge = (self.gauge != Some(self.gauge())).then_some(self.gauge_at);
        [
            (self.depth_at, "ask for the depth of inbound"),
            (self.admission.deadline(), "send again"),
            (self.readers.deadline(), "a wait is over"),
            (self.collector.deadline(), "collect again"),
            (self.retention.deadline(&self.ledger), "a retention is over"),
            (gauge, "report the gauge"),
        ]
        .into_iter()
        .filter_map(|(at, reason)| at.map(|at| Deadline { at, reason }))
        .min()
    }
}

fn shown(outcome: &Outcome) -> String {
    outcome.to_string().chars().take(SHOWN).collect()
}

/// Whether an outcome says something about the value; that the platform gave up contradicts nobody.
fn is_claim(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Value(_) => true,
        Outcome::Error(failure) => failure.is_deterministic(),
    }
}
