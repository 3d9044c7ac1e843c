//! Asks for answers by id: those that were not heard of, and a sample of those that were, to see that they stay.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tally_load::Client;
use tally_model::{AnswerMessage, CertifiedTask, Instant as Moment, Outcome, RequestId};

use super::loads::Address;
use super::recorder::Recorder;

#[cfg(test)]
mod tests;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);
/// So many questions in a row without an answer, and nothing more is asked for now.
const TROUBLES: u32 = 2;
/// Requests that one round asks for.
const ROUND: usize = 256;

/// What the gateway says to a submission.
#[derive(Debug, Deserialize)]
struct Given {
    id: RequestId,
}

/// What the gateway says of a request.
#[derive(Debug, Deserialize)]
struct Page {
    status: String,
    outcome: Option<Outcome>,
    accepted: Option<Moment>,
    folded: Option<Moment>,
    #[serde(default)]
    tasks: Vec<CertifiedTask>,
}

/// Reads answers of one platform.
pub(super) struct Rereader<'a> {
    client: Client,
    recorder: &'a Recorder,
    start: Instant,
    /// Whether somebody wants the end now.
    hurried: &'a dyn Fn() -> bool,
    /// Rounds so far.
    round: usize,
    troubles: u32,
}

enum Seen {
    Answer(Box<AnswerMessage>),
    Nothing,
    Unknown,
    Trouble,
}

impl<'a> Rereader<'a> {
    /// Each call ends early when `hurried` says so or the platform is silent.
    pub(super) fn new(
        http: SocketAddr,
        recorder: &'a Recorder,
        start: Instant,
        hurried: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            client: Client::new(http, ASK),
            recorder,
            start,
            hurried,
            round: 0,
            troubles: 0,
        }
    }

    /// Asks for some of the accepted requests without an answer, and for others the next time.
    pub(super) fn some_outstanding(&mut self) {
        let mut ids = self.recorder.outstanding();
        let rounds = ids.len().div_ceil(ROUND).max(1);
        let first = (self.round % rounds) * ROUND;
        self.round += 1;
        ids.drain(..first);
        ids.truncate(ROUND);
        self.ask_for(&ids);
    }

    /// Asks once for every accepted request without an answer; returns those that may still come: all but
    /// what the platform says it does not know, and what was not asked for any more.
    pub(super) fn outstanding(&mut self) -> Vec<RequestId> {
        let ids = self.recorder.outstanding();
        self.ask_for(&ids)
    }

    fn ask_for(&mut self, ids: &[RequestId]) -> Vec<RequestId> {
        self.troubles = 0;
        let mut pending = Vec::new();
        for &id in ids {
            if self.gives_up() {
                break;
            }
            match self.ask(id) {
                Seen::Answer(message) => self.recorder.read(self.now(), *message),
                Seen::Nothing | Seen::Trouble => pending.push(id),
                Seen::Unknown => {}
            }
        }
        pending
    }

    /// Sends again, under its own key, every request of unknown fate: accepted before or not, it is one request.
    pub(super) fn unresolved(&mut self, address: &Address) {
        self.troubles = 0;
        for (n, wanted) in self.recorder.unresolved() {
            if self.gives_up() {
                return;
            }
            let (key, stream) = (address.key(n), address.stream(wanted.agent));
            let submission = address.submission(&wanted.expression, &key, wanted.work_key, &stream);
            let Ok(reply) = self.client.submit(&submission, ASK) else {
                self.troubles += 1;
                continue;
            };
            let id = serde_json::from_slice::<Given>(&reply.body)
                .ok()
                .map(|given| given.id);
            self.troubles += 1;
            match (reply.status, id) {
                (200 | 202, Some(id)) => self.recorder.resolved(n, Some(id), reply.status),
                // Still unknown: what is said of this attempt says nothing of the first.
                (408 | 429, _) => continue,
                (400..=499, _) => self.recorder.resolved(n, None, reply.status),
                // Still unknown.
                _ => continue,
            }
            self.troubles = 0;
        }
    }

    /// Asks again for some that were answered.
    pub(super) fn sample(&mut self) {
        self.troubles = 0;
        for (n, id) in self.recorder.sample() {
            if self.gives_up() {
                return;
            }
            let seen = self.ask(id);
            let at = self.now();
            match seen {
                Seen::Answer(message) => self.recorder.read(at, *message),
                Seen::Nothing | Seen::Unknown => self.recorder.vanished(n, at),
                Seen::Trouble => {}
            }
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn gives_up(&self) -> bool {
        self.troubles >= TROUBLES || (self.hurried)()
    }

    fn ask(&mut self, id: RequestId) -> Seen {
        let seen = self.question(id);
        self.troubles = match seen {
            Seen::Trouble => self.troubles + 1,
            _ => 0,
        };
        seen
    }

    fn question(&mut self, id: RequestId) -> Seen {
        let Ok(reply) = self.client.get(&format!("/v1/expressions/{id}?certificate=true")) else {
            return Seen::Trouble;
        };
        if reply.status == 404 {
            return Seen::Unknown;
        }
        let Ok(page) = serde_json::from_slice::<Page>(&reply.body) else {
            return Seen::Trouble;
        };
        match (page.status.as_str(), page.outcome, page.accepted, page.folded) {
            ("done", Some(outcome), Some(accepted), Some(folded)) => Seen::Answer(Box::new(AnswerMessage {
                id,
                outcome,
                tasks: page.tasks,
                accepted,
                folded,
                tag: None,
                detail: None,
            })),
            ("done", ..) => Seen::Trouble,
            _ => Seen::Nothing,
        }
    }
}
