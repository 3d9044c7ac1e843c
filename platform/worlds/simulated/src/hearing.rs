//! What clients hear: responses, answers on the stream, and what they ask for when something was lost.

use std::sync::Arc;

use tally_model::{AnswerMessage, RequestId};
use tally_roles::gateway::{CallId, GatewayEvent, Response};

use crate::clients::{ClientEvent, Purpose, REREAD};
use crate::timeline::{Missing, Sight};
use crate::world::World;

impl World {
    /// A response of the gateway arrives.
    pub(crate) fn replied(&mut self, call: CallId, response: Response) {
        let Some((n, purpose)) = self.clients.calls.remove(&call) else {
            return;
        };
        if purpose != Purpose::Submit {
            self.read(n, purpose, response);
            return;
        }
        let now = self.now;
        let Some(open) = self.clients.open.get_mut(&n) else {
            return;
        };
        let request = &mut open.request;
        let reached_before = std::mem::replace(&mut open.reached, true);
        request.first_byte = Some(now);
        request.missing = None;
        request.status = status_of(&response);
        match response {
            Response::Accepted { id } | Response::Pending { id } => self.accepted(n, id),
            Response::Answered { answer } => {
                self.accepted(n, answer.id);
                self.answer(answer, true);
            }
            Response::Unavailable { .. } => {}
            // It speaks of this attempt; an earlier one may have been accepted.
            Response::Busy { .. } if reached_before => request.missing = Some(Missing::Unknown),
            Response::Busy { .. }
            | Response::Refused { .. }
            | Response::Conflict { .. }
            | Response::Unknown { .. } => self.over(n),
        }
    }

    pub(crate) fn accepted(&mut self, n: u64, id: RequestId) {
        let Some(open) = self.clients.open.get_mut(&n) else {
            return;
        };
        open.request.accepted = true;
        match open.request.id {
            None => open.request.id = Some(id),
            Some(first) if first != id => open.request.other_ids.push(id),
            Some(_) => {}
        }
        self.clients.by_id.insert(id, n);
        for (_, answer) in self.clients.early.remove(&id).unwrap_or_default() {
            self.answer(answer, true);
        }
    }

    pub(crate) fn answer(&mut self, answer: Arc<AnswerMessage>, delivered: bool) {
        let Some(&n) = self.clients.by_id.get(&answer.id) else {
            let early = self.clients.early.entry(answer.id).or_default();
            early.push((self.now, answer));
            return;
        };
        let now = self.now;
        let Some(open) = self.clients.open.get_mut(&n) else {
            self.sight(Sight {
                n,
                at: now,
                delivered,
                outcome: Some(answer.outcome.clone()),
                folded: Some(answer.folded),
            });
            return;
        };
        open.request.done = Some(now);
        open.request.answer = Some(answer);
        self.over(n);
    }

    pub(crate) fn sight(&mut self, sight: Sight) {
        if let Some(watch) = &mut self.watch {
            watch.seen(&sight);
        }
        self.clients.sights.push(sight);
    }

    /// A request is over; its user thinks.
    pub(crate) fn over(&mut self, n: u64) {
        let Some(open) = self.clients.open.remove(&n) else {
            return;
        };
        if let Some(group) = open.group {
            let think = self.clients.groups[group].think;
            self.client_in(think, ClientEvent::Thought(group));
        }
        self.trace.outcome(&open.request);
        if let Some(watch) = &mut self.watch {
            watch.over(self.now, &open.request);
        }
        self.clients.finished.push(open.request);
    }

    /// Asks for the answers of all accepted requests that have none.
    pub(crate) fn reread(&mut self) {
        let owed: Vec<(u64, RequestId)> = self
            .clients
            .open
            .iter()
            .filter_map(|(&n, open)| Some((n, open.request.id?)))
            .collect();
        for (n, id) in owed {
            let call = self.clients.call(n, Purpose::Reread);
            self.knock(n, GatewayEvent::Lookup { call, id });
        }
        if self.clients.draining {
            self.resolve_unknown();
        }
        self.client_in(REREAD, ClientEvent::Reread);
    }

    /// Sends again, under its own key, what is of unknown fate: accepted before or not, it is one request.
    pub(crate) fn resolve(&mut self) {
        self.clients.draining = true;
        self.resolve_unknown();
        if !std::mem::replace(&mut self.clients.rereading, true) {
            self.client_in(REREAD, ClientEvent::Reread);
        }
    }

    pub(crate) fn resolve_unknown(&mut self) {
        let unknown: Vec<u64> = self
            .clients
            .open
            .iter()
            .filter(|(_, open)| {
                !open.request.accepted && (open.request.missing.is_some() || open.request.status == 503)
            })
            .map(|(&n, _)| n)
            .collect();
        for n in unknown {
            self.attempt(n);
        }
    }

    /// Asks once more for some answered requests; what is seen comes among the sights.
    pub fn read_again(&mut self, requests: impl IntoIterator<Item = (u64, RequestId)>) {
        for (n, id) in requests {
            let call = self.clients.call(n, Purpose::Sample);
            self.knock(n, GatewayEvent::Lookup { call, id });
        }
    }

    pub(crate) fn read(&mut self, n: u64, purpose: Purpose, response: Response) {
        match response {
            Response::Answered { answer } => self.answer(answer, false),
            // Asked about an answer that was seen before, and it is not there.
            Response::Pending { .. } | Response::Unknown { .. } if purpose == Purpose::Sample => {
                self.sight(Sight {
                    n,
                    at: self.now,
                    delivered: false,
                    outcome: None,
                    folded: None,
                });
            }
            _ => {}
        }
    }
}

/// The HTTP status a response is sent with.
const fn status_of(response: &Response) -> u16 {
    match response {
        Response::Accepted { .. } | Response::Pending { .. } => 202,
        Response::Answered { .. } => 200,
        Response::Unknown { .. } => 404,
        Response::Conflict { .. } => 409,
        Response::Refused { failure, .. } => match failure {
            tally_model::Failure::TooLarge => 413,
            _ => 400,
        },
        Response::Busy { .. } => 429,
        Response::Unavailable { .. } => 503,
    }
}
