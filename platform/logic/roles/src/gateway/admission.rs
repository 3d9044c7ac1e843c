//! From a submission to 202: the record is durable, then the message is durable, then the client is told.
//!
//! The record goes first because it alone decides which body owns an id; a message sent before it could be executed for
//! a client that is then told 409. Messages are sent in groups: while one send is under way the next group collects. Where store
//! and queue are one, record and message are one write ([`Admission::enter_at_once`]); it is the store that groups there.

mod earlier;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tally_consensus::mutant::{self, Mutant};
use tally_model::{Entry, Instant, Precondition, Put, QueueName, RequestId, RequestMessage};

use super::interface::{CallId, GatewayCommand, Response, Submission};
use super::ledger::{Ledger, Purpose, RETRY_AFTER, backoff, respond_all};
use super::naming::{RequestRecord, body_digest, default_work_key, request_id, request_key};
use crate::port::{PortCommand, Trouble};

/// Messages of one send.
const GROUP: usize = 256;
/// Sends under way at once: the second one keeps the queue busy while the first one's answer travels.
const SENDS: usize = 2;
/// Tries of a send before the client is told that the fate is unknown.
const TRIES: u32 = 3;

/// Where a request is counted that is on its way to being accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nowhere here: the store is asked about an earlier submission of it, which is counted wherever that one is.
    Asking,
    /// In [`Admission::unsent`]: the store is asked to write its record.
    New,
    /// In [`Ledger::pending`]: its message is on its way.
    Sending,
}

/// A request on its way to being accepted.
#[derive(Debug)]
struct Entering {
    digest: String,
    message: RequestMessage,
    calls: Vec<CallId>,
    stage: Stage,
    /// Its answer was there before the store said that it is in.
    answered: bool,
    /// It was one of [`Ledger::inherited`].
    inherited: bool,
    tries: u32,
}

/// Everything that is being accepted.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    entering: BTreeMap<RequestId, Entering>,
    /// Those of `entering` in [`Stage::New`].
    unsent: usize,
    /// Questions under way about submissions for which there is no room.
    asking: usize,
    outbox: VecDeque<RequestId>,
    sends: usize,
    retries: BTreeSet<(Instant, RequestId)>,
    at_once: bool,
}

impl Admission {
    /// Takes a submission that parsed.
    pub(crate) fn submit(
        &mut self,
        now: Instant,
        submission: Submission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        let id = request_id(&submission);
        let digest = body_digest(&submission);
        let call = submission.call;
        if let Some(entering) = self.entering.get_mut(&id) {
            if entering.digest == digest {
                entering.calls.push(call);
            } else {
                respond_all([call], &Response::Conflict { id }, out);
            }
            return;
        }
        if ledger.removing.contains(&id) {
            let later = Response::Unavailable {
                retry_after: RETRY_AFTER,
                message:
                    "an earlier request of this Idempotency-Key is just being forgotten; try again with it"
                        .into(),
            };
            return respond_all([call], &later, out);
        }
        let full = self.is_full(ledger);
        if full && let Some(response) = self.turned_away(id, submission.key.is_some(), ledger) {
            return respond_all([call], &response, out);
        }
        let message = RequestMessage {
            id,
            expression: submission.expression,
            accepted: now,
            work_key: submission.work_key.unwrap_or(default_work_key(id)),
            tag: submission.tag,
        };
        let entering = Entering {
            digest,
            message,
            calls: vec![call],
            stage: Stage::Asking,
            answered: false,
            inherited: false,
            tries: 0,
        };
        self.entering.insert(id, entering);
        if full {
            self.ask(id, ledger, out);
        } else {
            self.enter(id, ledger, out);
        }
    }

    /// Asks for the record to be written, which decides whether the request is a new one.
    fn enter(&mut self, id: RequestId, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        let Some(entering) = self.entering.get_mut(&id) else {
            return;
        };
        entering.stage = Stage::New;
        self.unsent += 1;
        let record = RequestRecord {
            digest: entering.digest.clone(),
            accepted: entering.message.accepted,
        };
        let (key, value) = (request_key(id), json(&record));
        out.push(GatewayCommand::Port(if self.at_once {
            PortCommand::PutAndSend {
                token: ledger.ask(Purpose::Enter(id)),
                entry: Entry {
                    key,
                    value,
                    queue: QueueName::Inbound,
                    body: json(&entering.message),
                },
            }
        } else {
            PortCommand::Put {
                token: ledger.ask(Purpose::Record(id)),
                key,
                value,
                when: Precondition::Absent,
            }
        }));
        if self.at_once && mutant::is(Mutant::AckBeforeDurable) {
            self.finish(id, &Response::Accepted { id }, out);
        }
    }

    /// From now on record and message are asked for as one write.
    pub(crate) const fn enter_at_once(&mut self) {
        self.at_once = true;
    }

    /// A request is answered: whether it was on its way in, and not counted as pending. What may be received before it is durable can
    /// be answered before it is known to be in.
    pub(crate) fn answered(&mut self, id: RequestId) -> bool {
        let entering = self.entering.get_mut(&id);
        let entering = entering.filter(|entering| entering.stage == Stage::New);
        entering.map(|entering| entering.answered = true).is_some()
    }

    /// The store said what became of record and message.
    pub(crate) fn entered(
        &mut self,
        id: RequestId,
        result: Result<Put, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        if !matches!(result, Ok(Put::Written(_))) {
            return self.recorded(id, result, ledger, out);
        }
        ledger.gauge.accepted += 1;
        if self.entering.get(&id).is_none_or(|entering| !entering.answered) {
            ledger.pending.insert(id);
        }
        self.finish(id, &Response::Accepted { id }, out);
    }

    /// The store said what became of the record.
    pub(crate) fn recorded(
        &mut self,
        id: RequestId,
        result: Result<Put, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        match result {
            Ok(Put::Written(_)) => self.enqueue(id, ledger, out),
            Ok(Put::Refused(earlier)) => self.seen_before(id, earlier, ledger, out),
            Err(trouble) => {
                let response = ledger.unavailable(&trouble);
                self.finish(id, &response, out);
            }
        }
    }

    fn enqueue(&mut self, id: RequestId, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        if let Some(entering) = self.entering.get_mut(&id) {
            // Counted before the answer can possibly come back.
            self.unsent -= usize::from(entering.stage == Stage::New);
            entering.stage = Stage::Sending;
            ledger.pending.insert(id);
        }
        self.outbox.push_back(id);
        self.flush(ledger, out);
    }

    /// Sends what is due if a send is free.
    fn flush(&mut self, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        while self.sends < SENDS && !self.outbox.is_empty() {
            let mut ids = Vec::new();
            let mut bodies = Vec::new();
            while ids.len() < GROUP {
                let Some(id) = self.outbox.pop_front() else {
                    break;
                };
                let Some(entering) = self.entering.get(&id) else {
                    continue;
                };
                bodies.push(json(&entering.message));
                ids.push(id);
            }
            if ids.is_empty() {
                return;
            }
            if mutant::is(Mutant::AckBeforeDurable) {
                for &id in &ids {
                    self.finish(id, &Response::Accepted { id }, out);
                }
            }
            self.sends += 1;
            out.push(GatewayCommand::Port(PortCommand::Send {
                token: ledger.ask(Purpose::Send(ids)),
                queue: QueueName::Inbound,
                bodies,
            }));
        }
    }

    /// The queue said what became of a group.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        ids: Vec<RequestId>,
        result: Result<(), Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        self.sends = self.sends.saturating_sub(1);
        match result {
            Ok(()) => {
                for id in ids {
                    ledger.gauge.accepted += 1;
                    self.finish(id, &Response::Accepted { id }, out);
                }
            }
            Err(trouble) => {
                let response = ledger.unavailable(&trouble);
                for id in ids {
                    let Some(entering) = self.entering.get_mut(&id) else {
                        continue;
                    };
                    entering.tries += 1;
                    if trouble.transient && entering.tries < TRIES {
                        self.retries.insert((now + backoff(entering.tries), id));
                    } else {
                        if ledger.pending.remove(&id) && entering.inherited {
                            ledger.inherited += 1;
                        }
                        self.finish(id, &response, out);
                    }
                }
            }
        }
        self.flush(ledger, out);
    }

    fn finish(&mut self, id: RequestId, response: &Response, out: &mut Vec<GatewayCommand>) {
        if let Some(entering) = self.entering.remove(&id) {
            self.unsent -= usize::from(entering.stage == Stage::New);
            respond_all(entering.calls, response, out);
        }
    }

    /// Sends again what failed.
    pub(crate) fn wake(&mut self, now: Instant, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        while let Some((at, id)) = self.retries.first().copied() {
            if at > now {
                break;
            }
            self.retries.pop_first();
            self.outbox.push_back(id);
        }
        self.flush(ledger, out);
    }

    /// When [`Admission::wake`] is useful.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.retries.first().map(|(at, _)| *at)
    }

    /// Whether a request with this id is being accepted.
    pub(crate) fn holds(&self, id: RequestId) -> bool {
        self.entering.contains_key(&id)
    }

    /// Requests that are being accepted and not counted as pending.
    pub(crate) const fn unsent(&self) -> usize {
        self.unsent
    }
}

/// Our own records always serialise: they have no maps with other than text keys and no floats.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
