//! What can happen to the gateway, what it wants done, and what it says to a client.

use std::sync::Arc;
use std::time::Duration;

use tally_model::{AnswerMessage, Diagnostic, Failure, Instant, Observation, RequestId};

use crate::port::{PortCommand, PortEvent};

/// Names one question of one client until it is answered; chosen by whoever asks, never reused while it is open.
pub type CallId = u64;

/// An expression somebody wants computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Who waits for the response.
    pub call: CallId,
    /// The text, at most 64 KiB of it are looked at.
    pub expression: String,
    /// The client's idempotency key: the same key and the same body are the same request.
    pub key: Option<String>,
    /// See [`tally_model::RequestMessage::tag`].
    pub tag: Option<String>,
    /// See [`tally_model::RequestMessage::work_key`]; derived from the id if absent.
    pub work_key: Option<u64>,
    /// 128 unguessable bits, the id of a request without a key.
    pub entropy: u128,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayEvent {
    /// A port answered.
    Port(PortEvent),
    /// A client submits.
    Submit(Submission),
    /// A client asks for what is known now.
    Lookup {
        /// Who waits for the response.
        call: CallId,
        /// About which request.
        id: RequestId,
    },
    /// A client asks for the answer and is willing to wait; an unknown id is answered at once.
    Wait {
        /// Who waits for the response.
        call: CallId,
        /// About which request.
        id: RequestId,
        /// Until when.
        until: Instant,
    },
    /// The client of a question went away. What was accepted stays accepted.
    Cancel {
        /// Which question.
        call: CallId,
    },
}

/// What it wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum GatewayCommand {
    /// Ask a port.
    Port(PortCommand),
    /// Answer a client. Every call gets exactly one response unless it was cancelled.
    Respond {
        /// Whom.
        call: CallId,
        /// With what.
        response: Response,
    },
    /// Tell the event streams of an answer that is stored. At least once per answer: after a restart an answer whose
    /// outbound message was not deleted yet is published again.
    Publish {
        /// The stored answer.
        answer: Arc<AnswerMessage>,
    },
    /// Record what happened.
    Observe(Observation),
    /// The newest levels and counts, at most ten times a second (readiness at once), and only when they changed.
    Gauge(Gauge),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The request is durable and will have exactly one outcome.
    Accepted {
        /// Its id.
        id: RequestId,
    },
    /// The outcome.
    Answered {
        /// The stored answer.
        answer: Arc<AnswerMessage>,
    },
    /// Accepted, no outcome yet.
    Pending {
        /// Which request.
        id: RequestId,
    },
    /// Nobody was ever given this id, or its retention is over.
    Unknown {
        /// Which id.
        id: RequestId,
    },
    /// The idempotency key was used before with another body.
    Conflict {
        /// The request that has the key.
        id: RequestId,
    },
    /// Not an expression, or too large a one; never executed.
    Refused {
        /// Which kind of refusal.
        failure: Failure,
        /// Where and why.
        diagnostics: Vec<Diagnostic>,
    },
    /// A bound was reached. A submission: never executed, nor is an earlier one of the same key. A question: ask again.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// A port failed, or the answer to an earlier request of the key is being removed. The fate of a submission is unknown: submit again with the same idempotency key.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// For people.
        message: String,
    },
}

/// Levels and counts since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// The ports answered at least once.
    pub ready: bool,
    /// Accepted requests without an outcome, those of earlier lives of the process estimated.
    pub pending: u64,
    /// Clients that wait for an answer.
    pub waiting: u64,
    /// Requests accepted.
    pub accepted: u64,
    /// Answers stored.
    pub answered: u64,
    /// Outbound messages that said again what was stored.
    pub duplicates: u64,
    /// Outbound messages that contradicted what was stored: safety violations.
    pub conflicts: u64,
    /// Outbound messages that are not answers, left to the dead-letter queue.
    pub unreadable: u64,
    /// Port calls that failed.
    pub troubles: u64,
    /// Answers removed because their retention was over.
    pub expired: u64,
}
