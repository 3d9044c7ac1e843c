//! Asks for answers by id: those that were not heard of, and a sample of those that were, to see that they stay.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tally_load::Client;
use tally_model::{AnswerMessage, CertifiedTask, Instant as Moment, Outcome, RequestId};

use super::loads::Address;
use super::recorder::Recorder;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);

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
}

enum Seen {
    Answer(Box<AnswerMessage>),
    Nothing,
    Unknown,
    Trouble,
}

impl<'a> Rereader<'a> {
    pub(super) fn new(http: SocketAddr, recorder: &'a Recorder, start: Instant) -> Self {
        Self {
            client: Client::new(http, ASK),
            recorder,
            start,
        }
    }

    /// Asks once for every accepted request without an answer; returns those that may still come: all but
    /// what the platform says it does not know.
    pub(super) fn outstanding(&mut self) -> Vec<RequestId> {
        let mut pending = Vec::new();
        for id in self.recorder.outstanding() {
            match self.ask(id) {
                Seen::Answer(message) => self
                    .recorder
                    .read(self.start.elapsed().as_nanos() as u64, *message),
                Seen::Nothing | Seen::Trouble => pending.push(id),
                Seen::Unknown => {}
            }
        }
        pending
    }

    /// Sends again, under its own key, every request of unknown fate: accepted before or not, it is one request.
    pub(super) fn unresolved(&mut self, address: &Address) {
        for (n, wanted) in self.recorder.unresolved() {
            let (key, stream) = (address.key(n), address.stream(wanted.agent));
            let submission = address.submission(&wanted.expression, &key, wanted.work_key, &stream);
            let Ok(reply) = self.client.submit(&submission, ASK) else {
                continue;
            };
            let id = serde_json::from_slice::<Given>(&reply.body)
                .ok()
                .map(|given| given.id);
            match (reply.status, id) {
                (200 | 202, Some(id)) => self.recorder.resolved(n, Some(id), reply.status),
                (400..=499, _) => self.recorder.resolved(n, None, reply.status),
                // Still unknown.
                _ => {}
            }
        }
    }

    /// Asks again for some that were answered.
    pub(super) fn sample(&mut self) {
        for (n, id) in self.recorder.sample() {
            let seen = self.ask(id);
            let at = self.start.elapsed().as_nanos() as u64;
            match seen {
                Seen::Answer(message) => self.recorder.read(at, *message),
                Seen::Nothing | Seen::Unknown => self.recorder.vanished(n, at),
                Seen::Trouble => {}
            }
        }
    }

    fn ask(&mut self, id: RequestId) -> Seen {
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
