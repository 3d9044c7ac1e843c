//! What travels on the queues. Every body is JSON, because SQS carries text only.

use serde::{Deserialize, Serialize};

use crate::{Instant, Operation, Outcome, RequestId, SetId, TaskId};

/// An accepted request on its way to the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMessage {
    /// Its id.
    pub id: RequestId,
    /// The text as the client sent it.
    pub expression: String,
    /// When the gateway took it.
    pub accepted: Instant,
    /// Which draw of the service-time model its tasks get; derived from the id unless the client chose one.
    pub work_key: u64,
    /// Chosen by the client; its answer is also published on the event stream of that tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// One computation: what a replica set agrees on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The task it answers.
    pub task: TaskId,
    /// What to do.
    pub operation: Operation,
    /// With [`crate::Dispatch::Whole`]: the text of the expression to compute instead, whose last operation `operation` is. The operands are
    /// then empty, which otherwise they never are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Left operand, canonical (see [`Outcome::Value`]).
    pub left: String,
    /// Right operand, canonical.
    pub right: String,
}

impl Job {
    /// The bytes that are hashed and signed: every field that is there, each text with its length, so that no two jobs share an encoding.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + self.left.len() + self.right.len());
        bytes.extend_from_slice(&self.task.request.0.to_be_bytes());
        bytes.extend_from_slice(&self.task.index.to_be_bytes());
        bytes.push(self.operation.index() as u8);
        for text in [Some(&self.left), Some(&self.right), self.expression.as_ref()]
            .into_iter()
            .flatten()
        {
            bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

/// A ready task on its layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// The computation.
    pub job: Job,
    /// See [`RequestMessage::work_key`].
    pub work_key: u64,
    /// When its operands were known.
    pub ready: Instant,
}

/// A finished task as the client may audit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedTask {
    /// What was computed.
    pub job: Job,
    /// What came out.
    pub outcome: Outcome,
    /// The set that computed it.
    pub set: SetId,
    /// The certificate in the encoding of `tally-consensus`, as hexadecimal digits; none with `protocol = none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Operands known.
    pub ready: Instant,
    /// Handed to a worker.
    pub dispatched: Instant,
    /// Certified answer back at the scheduler.
    pub done: Instant,
}

/// A finished request on its way to the collector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerMessage {
    /// Which request.
    pub id: RequestId,
    /// How it ended.
    pub outcome: Outcome,
    /// Its tasks, in dependency order.
    pub tasks: Vec<CertifiedTask>,
    /// When the gateway took the request.
    pub accepted: Instant,
    /// When the scheduler folded the last task.
    pub folded: Instant,
    /// See [`RequestMessage::tag`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// For a failure: what went wrong and where, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
