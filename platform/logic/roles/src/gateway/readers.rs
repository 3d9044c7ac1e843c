//! Clients that ask for an answer, now or later.
//!
//! Questions about one request share one read of the store. Who waits is told by the collector; when the time is up the
//! store is read once more, so that an answer collected elsewhere is found too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tally_model::{AnswerMessage, Instant, RequestId, Versioned};

use super::interface::{CallId, GatewayCommand, Response};
use super::ledger::{Ledger, Purpose, RETRY_AFTER, respond_all};
use super::naming::{answer_key, request_key};
use crate::port::Trouble;

/// Who asks about one request.
#[derive(Debug, Default)]
struct Desk {
    /// Calls, and until when each waits; a time that is past means "answer with what is known".
    askers: BTreeMap<CallId, Instant>,
    /// A read is under way.
    reading: bool,
}

/// All open questions.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    desks: BTreeMap<RequestId, Desk>,
    calls: BTreeMap<CallId, RequestId>,
    ends: BTreeSet<(Instant, CallId)>,
}

impl Readers {
    /// Number of open questions.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes a question; `until` in the past means now.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        call: CallId,
        id: RequestId,
        until: Instant,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        if let Some(answer) = ledger.recent.get(id).cloned() {
            return respond_all([call], &Response::Answered { answer }, out);
        }
        if self.calls.len() >= ledger.limits.connections {
            let busy = Response::Busy {
                retry_after: RETRY_AFTER,
            };
            return respond_all([call], &busy, out);
        }
        self.calls.insert(call, id);
        let desk = self.desks.entry(id).or_default();
        desk.askers.insert(call, until);
        if until > now {
            self.ends.insert((until, call));
            if ledger.pending.contains(&id) {
                return;
            }
        }
        self.read(id, ledger, out);
    }

    fn read(&mut self, id: RequestId, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        if let Some(desk) = self.desks.get_mut(&id)
            && !desk.reading
        {
            desk.reading = true;
            ledger.get(answer_key(id), Purpose::ReadAnswer(id), out);
        }
    }

    /// The store said whether there is an answer.
    pub(crate) fn got_answer(
        &mut self,
        now: Instant,
        id: RequestId,
        result: Result<Option<Arc<AnswerMessage>>, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        match result {
            Ok(Some(answer)) => self.resolve(id, &Response::Answered { answer }, out),
            Ok(None) if ledger.pending.contains(&id) => self.settle(now, id, out),
            Ok(None) if self.desks.contains_key(&id) => {
                ledger.get(request_key(id), Purpose::ReadRequest(id), out);
            }
            Ok(None) => {}
            Err(trouble) => {
                let response = ledger.unavailable(&trouble);
                self.resolve(id, &response, out);
            }
        }
    }

    /// The store said whether the request exists.
    pub(crate) fn got_request(
        &mut self,
        now: Instant,
        id: RequestId,
        result: Result<Option<Versioned>, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        match result {
            Ok(Some(_)) => self.settle(now, id, out),
            Ok(None) => self.resolve(id, &Response::Unknown { id }, out),
            Err(trouble) => {
                let response = ledger.unavailable(&trouble);
                self.resolve(id, &response, out);
            }
        }
    }

    /// No answer yet: who does not wait any longer is told so.
    fn settle(&mut self, now: Instant, id: RequestId, out: &mut Vec<GatewayCommand>) {
        let Some(desk) = self.desks.get_mut(&id) else {
            return;
        };
        desk.reading = false;
        let over: Vec<CallId> = desk
            .askers
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(call, _)| *call)
            .collect();
        for call in &over {
            desk.askers.remove(call);
            self.calls.remove(call);
        }
        if desk.askers.is_empty() {
            self.desks.remove(&id);
        }
        respond_all(over, &Response::Pending { id }, out);
    }

    /// Tells everybody who asked about a request.
    pub(crate) fn resolve(&mut self, id: RequestId, response: &Response, out: &mut Vec<GatewayCommand>) {
        let Some(desk) = self.desks.remove(&id) else {
            return;
        };
        for (call, until) in &desk.askers {
            self.calls.remove(call);
            self.ends.remove(&(*until, *call));
        }
        respond_all(desk.askers.into_keys(), response, out);
    }

    /// The client went away.
    pub(crate) fn cancel(&mut self, call: CallId) {
        let Some(id) = self.calls.remove(&call) else {
            return;
        };
        if let Some(desk) = self.desks.get_mut(&id) {
            if let Some(until) = desk.askers.remove(&call) {
                self.ends.remove(&(until, call));
            }
            // A desk that is being read stays until the read is back, so that there is never a second one under way.
            if desk.askers.is_empty() && !desk.reading {
                self.desks.remove(&id);
            }
        }
    }

    /// Ends the waits that are over, by one last read.
    pub(crate) fn wake(&mut self, now: Instant, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        while let Some((until, call)) = self.ends.first().copied() {
            if until > now {
                return;
            }
            self.ends.pop_first();
            if let Some(id) = self.calls.get(&call).copied() {
                self.read(id, ledger, out);
            }
        }
    }

    /// When the next wait is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.ends.first().map(|(until, _)| *until)
    }
}
