//! The lines of the run directory's files: `history.jsonl.zst`, `faults.jsonl`, `events.jsonl`, `series.jsonl`.
//!
//! All times are nanoseconds since the trial began, by the harness's monotonic clock; `events.jsonl` holds the platform's own
//! observations (`tally_model::Observation`), shifted to the same zero.

use serde::{Deserialize, Serialize};
use tally_model::{CertifiedTask, Outcome, RequestId};

/// Version of every file in a run directory; additive changes only within a version.
pub const SCHEMA_VERSION: u32 = 1;

/// What became of one planned request, as its client knows it (Jepsen's ok, fail and info).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Answered with an outcome (a named error is an outcome).
    Ok,
    /// Certainly refused: it must never get an outcome.
    Fail,
    /// Accepted but not answered, or unknown whether accepted.
    Info,
}

/// One planned request from its due time to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number in the plan, from 0.
    pub n: u64,
    /// Which `[[load]]` it belongs to, from 0.
    pub load: u16,
    /// The expression sent.
    pub expression: String,
    /// When it was due.
    pub intended: u64,
    /// When its first byte was handed to the kernel; none if it was never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// When the first byte of the response to the POST arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<u64>,
    /// When its answer arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// What became of it.
    pub fate: Fate,
    /// HTTP status of the last response to the POST; 0 if there was none.
    pub status: u16,
    /// True if the client saw 202 (or 200): the platform owes exactly one outcome.
    pub accepted: bool,
    /// The id the platform gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The tasks of the answer, with certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<CertifiedTask>,
    /// How often it was posted (always with the same idempotency key); 0 if never.
    pub attempts: u32,
    /// Why it failed or is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A further sight of a request's outcome after `done`: a re-read, or the answer delivered again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Which request.
    pub n: u64,
    /// When.
    pub at: u64,
    /// What was seen; none if the platform no longer knew the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// One line of `history.jsonl.zst`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum HistoryLine {
    /// A planned request.
    Op(Operation),
    /// A later sight of an outcome.
    Read(Read),
}

/// Whether something was seen to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// When it was seen.
    pub at: u64,
    /// What was seen: "process 4711 is gone (exit signal 9)".
    pub evidence: String,
}

/// One line of `faults.jsonl`: the ledger of one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its name in the experiment.
    pub name: String,
    /// Its kind: `kill`, `pause`.
    pub kind: String,
    /// The role it was aimed at: `worker`, `leader`, `follower`, `control-plane`.
    pub role: String,
    /// The place it hit: `add-0/replica-2`.
    pub target: String,
    /// When it was planned.
    pub planned: u64,
    /// How long it was to last.
    pub duration: u64,
    /// When the injection was asked for.
    pub requested: Option<u64>,
    /// When it was seen to have taken effect.
    pub effective: Option<Effect>,
    /// First failed or late request that it explains.
    pub symptom: Option<Effect>,
    /// When the platform noticed.
    pub detected: Option<Effect>,
    /// When the platform had made up for it (replacement serving, first answer).
    pub recovered: Option<Effect>,
    /// When the fault itself was gone (resumed, restarted, replaced).
    pub healed: Option<Effect>,
    /// Why a step is missing.
    pub problem: Option<String>,
}

/// One line of `series.jsonl`: the platform at one moment, as its status page told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: u64,
    /// Visible messages per layer, in the order of `tally_model::Operation::ALL`.
    pub visible: [u64; 4],
    /// Messages in flight per layer.
    pub in_flight: [u64; 4],
    /// Sets that take tasks, per layer.
    pub ready: [u32; 4],
    /// Sets that are starting, per layer.
    pub starting: [u32; 4],
    /// Accepted requests without an outcome.
    pub pending: u64,
    /// Resident memory in bytes: control plane, largest worker or replica, harness.
    pub rss: [u64; 3],
}
