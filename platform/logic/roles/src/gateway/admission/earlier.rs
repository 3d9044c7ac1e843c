//! What an earlier submission of the same request left, and what is told to who submits it again.
//!
//! *Never executed* is true of a request, not of a submission: above the bound a submission with a key is not turned away before the
//! store said that its key is not taken. A request that was accepted, in this life or an earlier one, is counted once, however
//! often it is submitted.

use std::sync::Arc;

use tally_model::{AnswerMessage, RequestId, Versioned};

use super::super::interface::{GatewayCommand, Response};
use super::super::ledger::{Ledger, Purpose, RETRY_AFTER};
use super::super::naming::{RequestRecord, answer_key, request_key};
use super::{Admission, Stage};
use crate::port::Trouble;

/// Questions under way at once about submissions for which there is no room.
const ASKING: usize = 1024;

impl Admission {
    /// Whether there is no room for a new request.
    pub(super) fn is_full(&self, ledger: &Ledger) -> bool {
        ledger.unfinished() + self.unsent >= ledger.limits.pending
    }

    /// What a submission for which there is no room is told at once; `None` if the store must be asked first. Requests that are known
    /// here are bounded themselves, so they can always be asked about.
    pub(super) fn turned_away(&self, id: RequestId, has_key: bool, ledger: &Ledger) -> Option<Response> {
        if ledger.pending.contains(&id) || ledger.recent.get(id).is_some() {
            None
        } else if !has_key {
            Some(Response::Busy {
                retry_after: RETRY_AFTER,
            })
        } else if self.asking >= ASKING {
            // It may have been accepted before, so it cannot be called refused.
            Some(Response::Unavailable {
                retry_after: RETRY_AFTER,
                message: "too many requests have no outcome yet, and whether this one was accepted before cannot be looked up \
                          now; try again with the same Idempotency-Key"
                    .into(),
            })
        } else {
            None
        }
    }

    /// Asks the store whether a request for which there is no room was accepted before.
    pub(super) fn ask(&mut self, id: RequestId, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        self.asking += 1;
        ledger.get(request_key(id), Purpose::AskRecord(id), out);
    }

    /// The store said whether a request for which there was no room was accepted before.
    pub(crate) fn asked(
        &mut self,
        id: RequestId,
        result: Result<Option<Versioned>, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        self.asking -= 1;
        match result {
            Ok(Some(earlier)) => self.seen_before(id, Some(earlier), ledger, out),
            Ok(None) if self.is_full(ledger) => {
                let busy = Response::Busy {
                    retry_after: RETRY_AFTER,
                };
                self.finish(id, &busy, out);
            }
            Ok(None) => self.enter(id, ledger, out),
            Err(trouble) => {
                let response = ledger.unavailable(&trouble);
                self.finish(id, &response, out);
            }
        }
    }

    /// Somebody used the id before: the same request again, or a clash.
    pub(super) fn seen_before(
        &mut self,
        id: RequestId,
        earlier: Option<Versioned>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        let Some(entering) = self.entering.get_mut(&id) else {
            return;
        };
        if entering.stage == Stage::New {
            self.unsent -= 1;
            entering.stage = Stage::Asking;
            if std::mem::take(&mut entering.answered) {
                // The answer that came meanwhile was to the submission of an earlier life.
                ledger.inherited = ledger.inherited.saturating_sub(1);
            }
        }
        let record = earlier.and_then(|v| serde_json::from_str::<RequestRecord>(&v.value).ok());
        let Some(record) = record else {
            let trouble = Trouble {
                transient: true,
                message: "the record of the request changed meanwhile".into(),
            };
            let response = ledger.unavailable(&trouble);
            return self.finish(id, &response, out);
        };
        if record.digest != entering.digest {
            return self.finish(id, &Response::Conflict { id }, out);
        }
        entering.message.accepted = record.accepted;
        if let Some(answer) = ledger.recent.get(id).cloned() {
            self.finish(id, &Response::Answered { answer }, out);
        } else if ledger.pending.contains(&id) {
            self.finish(id, &Response::Accepted { id }, out);
        } else {
            ledger.get(answer_key(id), Purpose::Replay(id), out);
        }
    }

    /// The store said whether a request that was seen before is answered. If not, an earlier life may have died between
    /// record and message, so the message goes out (again): a second copy is harmless, a missing one is not.
    pub(crate) fn replayed(
        &mut self,
        id: RequestId,
        result: Result<Option<Arc<AnswerMessage>>, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        let Some(entering) = self.entering.get_mut(&id) else {
            return;
        };
        // It may have been collected since the store looked.
        let collected = ledger.recent.get(id).cloned();
        let accepted = entering.message.accepted;
        match result.map(|stored| collected.or(stored)) {
            // One that answers an earlier request of the key is about to be removed.
            Ok(Some(answer)) if accepted <= answer.accepted => {
                self.finish(id, &Response::Answered { answer }, out);
            }
            Ok(_) => {
                if ledger.started.is_some_and(|started| accepted < started) && ledger.inherited > 0 {
                    ledger.inherited -= 1;
                    entering.inherited = true;
                }
                self.enqueue(id, ledger, out);
            }
            Err(trouble) => {
                let response = ledger.unavailable(&trouble);
                self.finish(id, &response, out);
            }
        }
    }
}
