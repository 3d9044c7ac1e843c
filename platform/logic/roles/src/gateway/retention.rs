//! Removes answers, and the records of their requests, when their retention is over.
//!
//! The queue is in memory: answers of earlier lives of the process are removed when somebody reads them after their time.

use std::collections::VecDeque;
use std::time::Duration;

use tally_model::{Instant, Precondition, RequestId};

use super::interface::GatewayCommand;
use super::ledger::{Ledger, Purpose};
use super::naming::{answer_key, request_key};
use crate::port::{PortCommand, Trouble};

/// Answers remembered for removal (24 MB); beyond it the oldest are left to be removed by a late reader.
const REMEMBERED: usize = 1_000_000;
/// Removals under way at once.
const SWEEP: usize = 64;

/// What is to be forgotten, and when.
#[derive(Debug)]
pub(crate) struct Retention {
    keep: Duration,
    due: VecDeque<(Instant, [u8; 16])>,
    sweeping: usize,
}

impl Retention {
    /// Keeps answers for `keep`.
    pub(crate) const fn new(keep: Duration) -> Self {
        Self {
            keep,
            due: VecDeque::new(),
            sweeping: 0,
        }
    }

    /// Whether something stored at `stored` should be gone by now.
    pub(crate) fn is_over(&self, now: Instant, stored: Instant) -> bool {
        now.since(stored) > self.keep
    }

    /// Remembers to forget.
    pub(crate) fn schedule(&mut self, now: Instant, id: RequestId) {
        if self.due.len() >= REMEMBERED {
            self.due.pop_front();
        }
        // As bytes, because the alignment of a u128 would cost a third more.
        self.due.push_back((now + self.keep, id.0.to_ne_bytes()));
    }

    /// Starts removals that are due, a bounded number at a time.
    pub(crate) fn wake(&mut self, now: Instant, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        while self.sweeping < SWEEP {
            match self.due.front() {
                Some((at, id)) if *at <= now => {
                    let id = RequestId(u128::from_ne_bytes(*id));
                    self.due.pop_front();
                    self.forget(id, ledger, out);
                }
                Some(_) | None => return,
            }
        }
    }

    /// Removes the request's record first: without it the answer is merely unknown, whereas a record without an answer
    /// would read as pending for ever.
    pub(crate) fn forget(&mut self, id: RequestId, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        self.sweeping += 1;
        out.push(delete(ledger.ask(Purpose::ForgetRequest(id)), request_key(id)));
    }

    /// The store said what became of a removal.
    pub(crate) fn forgotten(
        &mut self,
        now: Instant,
        purpose: Purpose,
        result: Result<bool, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        match (purpose, result) {
            (Purpose::ForgetRequest(id), Ok(_)) => {
                out.push(delete(ledger.ask(Purpose::ForgetAnswer(id)), answer_key(id)));
                return;
            }
            (Purpose::ForgetRequest(id) | Purpose::ForgetAnswer(id), Err(_)) => {
                // One retention later is soon enough.
                ledger.gauge.troubles += 1;
                self.schedule(now, id);
            }
            (Purpose::ForgetAnswer(_), Ok(_)) => ledger.gauge.expired += 1,
            (_, _) => return,
        }
        self.sweeping = self.sweeping.saturating_sub(1);
        self.wake(now, ledger, out);
    }

    /// When the next answer's time is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.sweeping >= SWEEP {
            return None;
        }
        self.due.front().map(|(at, _)| *at)
    }
}

fn delete(token: u64, key: String) -> GatewayCommand {
    GatewayCommand::Port(PortCommand::DeleteKey {
        token,
        key,
        when: Precondition::Any,
    })
}
