//! Joins what was sent with what was answered, and writes each request down when it is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tally_capture::{CaptureError, Fate, Operation, Read, Sight, Stray, TrialWriter};
use tally_chaos::Answered;
use tally_load::{Answer, SendError, Sent};
use tally_model::{AnswerMessage, Outcome, RequestId};

use super::known::{Ids, Reservoir};

#[cfg(test)]
pub(super) mod tests;

/// Answers whose 202 was not seen yet; more are dropped and read again later. With certificates each has a few KiB.
const EARLY_MAX: usize = 8_192;
/// Of the same id; two that differ show all there is to show.
const COPIES_MAX: usize = 4;

/// What is known of a request before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(super) load: u16,
    pub(super) expression: String,
    pub(super) work_key: u64,
    /// Who sends it, if agents do.
    pub(super) agent: u32,
}

/// Tells what a request of a number is.
pub(crate) type Lookup = Box<dyn Fn(u64) -> Option<Wanted> + Send>;

struct Table {
    writer: TrialWriter,
    lookup: Lookup,
    /// Sent, not over.
    open: HashMap<u64, Operation>,
    /// Every id that was given.
    ids: Ids,
    /// Answers that came before their 202, each in the order in which it was heard.
    early: HashMap<RequestId, Vec<(u64, AnswerMessage)>>,
    /// For the fault ledgers.
    answered: Vec<Answered>,
    keep_answered: bool,
    reread: Reservoir,
    counts: Counts,
    trouble: Option<CaptureError>,
}

/// How a trial stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) accepted: u64,
    pub(super) answered: u64,
    pub(super) refused: u64,
}

/// The recorder of one trial; shared by the threads that hear things.
pub(crate) struct Recorder {
    table: Mutex<Table>,
}

impl Recorder {
    /// Writes into `writer`; answered requests are kept for the ledgers if there are faults.
    pub(crate) fn new(writer: TrialWriter, lookup: Lookup, keep_answered: bool) -> Self {
        let table = Table {
            writer,
            lookup,
            open: HashMap::new(),
            ids: Ids::default(),
            early: HashMap::new(),
            answered: Vec::new(),
            keep_answered,
            reread: Reservoir::default(),
            counts: Counts::default(),
            trouble: None,
        };
        Self {
            table: Mutex::new(table),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        act(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The generator is done with a request. Returns false for one that is not of this trial or was told before.
    pub(crate) fn sent(&self, sent: &Sent) {
        self.with(|table| table.sent(sent));
    }

    /// An answer arrived on the stream.
    pub(crate) fn answer(&self, answer: &Answer) {
        if let Ok(message) = serde_json::from_slice::<AnswerMessage>(&answer.json) {
            self.with(|table| table.answer(answer.at_ns, message, Sight::Delivery));
        }
    }

    /// An answer was read.
    pub(super) fn read(&self, at: u64, message: AnswerMessage) {
        self.with(|table| table.answer(at, message, Sight::Read));
    }

    /// The platform did not know an answer that was seen before.
    pub(super) fn vanished(&self, n: u64, at: u64) {
        self.with(|table| {
            let read = Read {
                n,
                at,
                sight: Sight::Read,
                outcome: None,
                folded: None,
            };
            table.write(|writer| writer.read(read));
        });
    }

    /// Accepted requests without an answer.
    pub(super) fn outstanding(&self) -> Vec<RequestId> {
        self.with(|table| table.open.values().filter_map(|operation| operation.id).collect())
    }

    /// These may still come, and nobody waits for them any longer.
    pub(super) fn overdue(&self, pending: &[RequestId]) {
        self.with(|table| {
            for id in pending {
                let n = table.ids.get(*id).map(u64::from);
                if let Some(operation) = n.and_then(|n| table.open.get_mut(&n)) {
                    operation.overdue = true;
                }
            }
        });
    }

    /// Requests of unknown fate: sent, and no response came.
    pub(super) fn unresolved(&self) -> Vec<(u64, Wanted)> {
        self.with(|table| {
            let unknown = table.open.values().filter(|operation| operation.id.is_none());
            let mut unknown: Vec<u64> = unknown.map(|operation| operation.n).collect();
            unknown.sort_unstable();
            unknown
                .into_iter()
                .filter_map(|n| Some((n, (table.lookup)(n)?)))
                .collect()
        })
    }

    /// A request of unknown fate was sent again under its key: it has an id, or it was refused.
    pub(super) fn resolved(&self, n: u64, id: Option<RequestId>, status: u16) {
        self.with(|table| {
            let Some(mut operation) = table.open.remove(&n) else {
                return;
            };
            operation.attempts += 1;
            operation.status = status;
            match id {
                Some(id) => {
                    operation.id = Some(id);
                    operation.accepted = true;
                    table.counts.accepted += 1;
                    table.open(id, operation);
                }
                None => {
                    operation.fate = Fate::Fail;
                    table.counts.refused += 1;
                    table.end(operation);
                }
            }
        });
    }

    /// A spread of answered requests, to be read again.
    pub(super) fn sample(&self) -> Vec<(u64, RequestId)> {
        self.with(|table| table.reread.sorted())
    }

    pub(super) fn counts(&self) -> Counts {
        self.with(|table| table.counts)
    }

    /// Closes old frames.
    pub(super) fn tick(&self) {
        self.with(|table| table.write(TrialWriter::tick));
    }

    /// Gives access to the writer for what is not about requests.
    pub(super) fn write(&self, act: impl FnOnce(&mut TrialWriter) -> tally_capture::Result<()>) {
        self.with(|table| table.write(act));
    }

    /// Answered requests, for the ledgers.
    pub(super) fn answered(&self) -> Vec<Answered> {
        self.with(|table| std::mem::take(&mut table.answered))
    }

    /// Writes down what never ended, and gives the writer back.
    pub(crate) fn finish(self) -> tally_capture::Result<TrialWriter> {
        let mut table = self.table.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut left: Vec<Operation> = std::mem::take(&mut table.open).into_values().collect();
        left.sort_by_key(|operation| operation.n);
        for operation in left {
            table.end(operation);
        }
        table.strays();
        match table.trouble {
            Some(error) => Err(error),
            None => Ok(table.writer),
        }
    }
}

impl Table {
    fn write(&mut self, act: impl FnOnce(&mut TrialWriter) -> tally_capture::Result<()>) {
        if let Err(error) = act(&mut self.writer) {
            self.trouble.get_or_insert(error);
        }
    }

    fn sent(&mut self, sent: &Sent) {
        // What was asked stands in the plan; it is looked up when the line is written, so that what waits stays small.
        let mut operation = Operation::planned(sent.n, 0, "", sent.intended_ns);
        operation.sent = sent.sent_ns;
        operation.attempts = u32::from(sent.attempts);
        operation.status = sent.status;
        operation.id = sent.id;
        if sent.error.is_none() {
            operation.first_byte = Some(sent.first_byte_ns);
        }
        let (fate, reason) = fate_of(sent);
        operation.fate = fate;
        operation.reason = reason.map(str::to_owned);
        operation.accepted = matches!(sent.status, 200 | 202) && sent.id.is_some();
        self.counts.sent += u64::from(sent.sent_ns.is_some());
        self.counts.accepted += u64::from(operation.accepted);
        self.counts.refused += u64::from(fate == Fate::Fail && sent.sent_ns.is_some());
        let Some(id) = sent.id.filter(|_| operation.accepted) else {
            match fate {
                // Whether it was accepted is found out by asking again under its key.
                Fate::Info => drop(self.open.insert(sent.n, operation)),
                Fate::Fail | Fate::Ok => self.end(operation),
            }
            return;
        };
        self.open(id, operation);
    }

    /// An accepted request: its answer is awaited, or was heard before its acceptance.
    fn open(&mut self, id: RequestId, operation: Operation) {
        self.ids.insert(id, operation.n as u32);
        self.open.insert(operation.n, operation);
        for (at, message) in self.early.remove(&id).unwrap_or_default() {
            self.answer(at, message, Sight::Delivery);
        }
    }

    fn answer(&mut self, at: u64, message: AnswerMessage, sight: Sight) {
        let Some(n) = self.ids.get(message.id).map(u64::from) else {
            let known = self.early.get(&message.id).map_or(0, Vec::len);
            if self.early.len() < EARLY_MAX && known < COPIES_MAX {
                self.early.entry(message.id).or_default().push((at, message));
            }
            return;
        };
        let folded = Some(message.folded.as_nanos());
        let Some(mut operation) = self.open.remove(&n) else {
            let read = Read {
                n,
                at,
                sight,
                outcome: Some(message.outcome),
                folded,
            };
            self.write(|writer| writer.read(read));
            return;
        };
        operation.done = Some(at);
        operation.fate = Fate::Ok;
        operation.folded = folded;
        operation.reason = message
            .detail
            .filter(|_| matches!(message.outcome, Outcome::Error(_)));
        operation.outcome = Some(message.outcome);
        operation.tasks = message.tasks;
        self.reread.offer((n, message.id));
        self.end(operation);
    }

    /// Answers whose 202 never came, by id: they are nobody's, as far as is known here.
    fn strays(&mut self) {
        let mut early: Vec<_> = std::mem::take(&mut self.early).into_iter().collect();
        early.sort_by_key(|(id, _)| *id);
        for (id, heard) in early {
            for (at, message) in heard {
                let outcome = message.outcome;
                self.write(|writer| writer.stray(Stray { id, at, outcome }));
            }
        }
    }

    fn end(&mut self, mut operation: Operation) {
        let Some(wanted) = (self.lookup)(operation.n) else {
            return;
        };
        operation.load = wanted.load;
        operation.expression = wanted.expression;
        self.counts.answered += u64::from(operation.done.is_some());
        if self.keep_answered && operation.accepted {
            let mut sets: Vec<_> = operation.tasks.iter().map(|task| task.set).collect();
            sets.sort_unstable();
            sets.dedup();
            self.answered.push(Answered {
                intended: operation.intended,
                done: operation.done,
                sets,
            });
        }
        self.write(|writer| writer.operation(operation));
    }
}

/// What the client knows after the last attempt.
fn fate_of(sent: &Sent) -> (Fate, Option<&'static str>) {
    match (sent.error, sent.status) {
        (Some(SendError::NeverSent), _) => (Fate::Fail, Some("never sent")),
        (Some(SendError::Refused), _) => (Fate::Fail, Some("no attempt reached the platform")),
        (Some(SendError::Unknown), _) => (Fate::Info, Some("sent, and no response came")),
        (None, 200 | 202) => (Fate::Info, None),
        // The platform says so itself: the fate of the request is unknown.
        (None, 503) => (Fate::Info, Some("unavailable")),
        (None, 429) => (Fate::Fail, Some("busy")),
        (None, _) => (Fate::Fail, Some("refused")),
    }
}
