//! Removes answers, and the records of their requests, when their retention is over.
//!
//! What is removed is looked at first, and deleted only as the version that was seen: after its retention a key is free, so
//! the record that stands under it by now may be that of another request.
//!
//! What is to be removed is remembered in memory, so that an answer goes in time and nothing is searched; what earlier lives of the
//! process stored, and what comes beyond the bound of what is remembered, is found by a sweep, up to a retention later, or by who
//! reads it. What stays is the record of a request whose message was never sent, because a process died between the two.

use std::collections::VecDeque;

use serde::Deserialize;
use tally_model::{Instant, Precondition, RequestId, Versioned};

use super::admission::Admission;
use super::interface::GatewayCommand;
use super::ledger::{Ledger, Purpose, Stale};
use super::naming::{RequestRecord, answer_key, request_key};
use super::sweep::{Page, Sweep};
use crate::port::{PortCommand, Trouble};

/// Answers remembered for removal (24 MB); beyond it the oldest are left to a sweep.
const REMEMBERED: usize = 1_000_000;
/// What is to be forgotten, and when.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    due: VecDeque<(Instant, [u8; 16])>,
    sweep: Sweep,
}

/// Of an answer, what decides whether it goes.
#[derive(Debug, Deserialize)]
struct Kept {
    id: RequestId,
    accepted: Instant,
    folded: Instant,
}

impl Retention {
    /// The life of the process begins.
    pub(crate) fn start(&mut self, now: Instant, ledger: &Ledger) {
        self.sweep.start(now, ledger);
    }

    /// Remembers to forget.
    pub(crate) fn schedule(&mut self, now: Instant, id: RequestId, ledger: &Ledger) {
        if self.due.len() >= REMEMBERED
            && let Some((at, _)) = self.due.pop_front()
        {
            self.sweep.left(at);
        }
        // As bytes, because the alignment of a u128 would cost a third more.
        let at = now + ledger.timing.retention;
        self.due.push_back((at, id.0.to_ne_bytes()));
    }

    /// Starts removals that are due, a bounded number at a time.
    pub(crate) fn wake(
        &mut self,
        now: Instant,
        admission: &Admission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        while ledger.has_room() {
            match self.due.front() {
                Some((at, id)) if *at <= now => {
                    let id = RequestId(u128::from_ne_bytes(*id));
                    self.due.pop_front();
                    if admission.holds(id) {
                        // Submitted again at this moment: the client is told the answer, and it stays for that.
                        self.schedule(now, id, ledger);
                    } else {
                        forget(id, admission, ledger, out);
                    }
                }
                Some(_) | None => break,
            }
        }
        self.sweep.wake(now, ledger, out);
    }

    /// The store listed a page of answers.
    pub(crate) fn listed(
        &mut self,
        now: Instant,
        result: Result<Page, Trouble>,
        admission: &Admission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        let Ok(page) = result else {
            ledger.gauge.troubles += 1;
            return self.sweep.failed(now);
        };
        for (_, stored) in self.sweep.read(now, page, ledger) {
            let Some(stale) = stale(now, &stored, ledger) else {
                continue;
            };
            if admission.holds(stale.id) {
                self.schedule(now, stale.id, ledger);
            } else if ledger.removing.insert(stale.id) {
                read_record(stale, ledger, out);
            }
        }
    }

    /// The store said what stands under the key of an answer, or of the record of its request.
    pub(crate) fn looked(
        &mut self,
        now: Instant,
        purpose: Purpose,
        result: Result<Option<Versioned>, Trouble>,
        admission: &Admission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        match (purpose, result) {
            (Purpose::ForgetLook(id), Ok(found)) => {
                let stale = found.and_then(|stored| stale(now, &stored, ledger));
                match stale {
                    Some(stale) => read_record(stale, ledger, out),
                    None => self.end(now, id, admission, ledger, out),
                }
            }
            (Purpose::ForgetRead(stale), Ok(found)) => {
                // Removed first: without it the answer is merely unknown, whereas a record without an answer would read as
                // pending for ever.
                match found.filter(|stored| is_of(stored, stale)) {
                    Some(record) => out.push(delete(
                        ledger.ask(Purpose::ForgetRequest(stale)),
                        request_key(stale.id),
                        record.version,
                    )),
                    None => forget_answer(stale, ledger, out),
                }
            }
            (Purpose::ForgetLook(id) | Purpose::ForgetRead(Stale { id, .. }), Err(_)) => {
                self.failed(now, id, admission, ledger, out);
            }
            (_, _) => {}
        }
    }

    /// The store said what became of a removal.
    pub(crate) fn forgotten(
        &mut self,
        now: Instant,
        purpose: Purpose,
        result: Result<bool, Trouble>,
        admission: &Admission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        match (purpose, result) {
            (Purpose::ForgetRequest(stale), Ok(_)) => forget_answer(stale, ledger, out),
            (Purpose::ForgetRequest(Stale { id, .. }) | Purpose::ForgetAnswer(id), Err(_)) => {
                self.failed(now, id, admission, ledger, out);
            }
            (Purpose::ForgetAnswer(id), Ok(held)) => {
                ledger.gauge.expired += u64::from(held);
                self.end(now, id, admission, ledger, out);
            }
            (_, _) => {}
        }
    }

    /// One retention later is soon enough.
    fn failed(
        &mut self,
        now: Instant,
        id: RequestId,
        admission: &Admission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        ledger.gauge.troubles += 1;
        self.schedule(now, id, ledger);
        self.end(now, id, admission, ledger, out);
    }

    fn end(
        &mut self,
        now: Instant,
        id: RequestId,
        admission: &Admission,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        ledger.removing.remove(&id);
        self.wake(now, admission, ledger, out);
    }

    /// When the next answer's time is over.
    pub(crate) fn deadline(&self, ledger: &Ledger) -> Option<Instant> {
        let due = self.due.front().map(|(at, _)| *at);
        let due = due.filter(|_| ledger.has_room());
        [due, self.sweep.deadline(ledger)].into_iter().flatten().min()
    }
}

/// Begins to remove what stands under an id, if its retention is over. Does nothing while the id is on its way in, or while as
/// much as may be is being removed: a later event begins again.
pub(crate) fn forget(
    id: RequestId,
    admission: &Admission,
    ledger: &mut Ledger,
    out: &mut Vec<GatewayCommand>,
) {
    if ledger.has_room() && !admission.holds(id) && ledger.removing.insert(id) {
        ledger.get(answer_key(id), Purpose::ForgetLook(id), out);
    }
}

fn read_record(stale: Stale, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
    ledger.recent.remove(stale.id);
    ledger.get(request_key(stale.id), Purpose::ForgetRead(stale), out);
}

fn forget_answer(stale: Stale, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
    let token = ledger.ask(Purpose::ForgetAnswer(stale.id));
    out.push(delete(token, answer_key(stale.id), stale.version));
}

/// The answer, if its retention is over. One that cannot be read is left where it is.
fn stale(now: Instant, stored: &Versioned, ledger: &Ledger) -> Option<Stale> {
    let answer: Kept = serde_json::from_str(&stored.value).ok()?;
    ledger.is_over(now, answer.folded).then_some(Stale {
        id: answer.id,
        accepted: answer.accepted,
        version: stored.version,
    })
}

/// Whether a record is that of the request that was answered, not that of a later one with the same key.
fn is_of(record: &Versioned, stale: Stale) -> bool {
    serde_json::from_str::<RequestRecord>(&record.value).map_or(true, |it| it.accepted <= stale.accepted)
}

fn delete(token: u64, key: String, version: u64) -> GatewayCommand {
    GatewayCommand::Port(PortCommand::DeleteKey {
        token,
        key,
        when: Precondition::Version(version),
    })
}
