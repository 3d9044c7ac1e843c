//! The lines of the run directory's files: `history.jsonl.zst`, `faults.jsonl`, `events.jsonl`, `series.jsonl`.
//!
//! All times are nanoseconds since the trial began, by the harness's monotonic clock; `events.jsonl` holds the platform's own
//! observations (`tally_model::Observation`), shifted to the same zero. The times inside a [`CertifiedTask`] are the platform's,
//! unshifted: only their differences are used.

use serde::{Deserialize, Serialize};
use tally_model::{CertifiedTask, Outcome, PlatformConfig, RequestId, SetRecord};

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
    /// Further ids the platform gave to later posts of the same plan entry; an idempotent platform gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_ids: Vec<RequestId>,
    /// When the platform folded the answer, by its own clock: the answer's birth mark. Two marks for one request are two outcome
    /// records, even if the values are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folded: Option<u64>,
    /// The tasks of the answer, with certificates, as the client received them. `TrialWriter::operation` moves them to
    /// `certificates.jsonl.zst`, so in a stored history this is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<CertifiedTask>,
    /// How often it was posted (always with the same idempotency key); 0 if never.
    pub attempts: u32,
    /// Why it failed or is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// True if there is no answer because the harness stopped to wait: at the last look the platform said that it works on this
    /// request, and it still answered others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

impl Operation {
    /// A request that was planned and has not been sent.
    pub fn planned(n: u64, load: u16, expression: impl Into<String>, intended: u64) -> Self {
        Self {
            n,
            load,
            expression: expression.into(),
            intended,
            sent: None,
            first_byte: None,
            done: None,
            fate: Fate::Fail,
            status: 0,
            accepted: false,
            id: None,
            outcome: None,
            other_ids: Vec::new(),
            folded: None,
            tasks: Vec::new(),
            attempts: 0,
            reason: None,
            overdue: false,
        }
    }
}

/// How a further sight came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sight {
    /// The client asked again.
    #[default]
    Read,
    /// The platform delivered it unasked (an event stream, the answer to a repeated post).
    Delivery,
}

/// A further sight of a request's outcome after `done`: a re-read, or the answer delivered again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Which request.
    pub n: u64,
    /// When.
    pub at: u64,
    /// Asked for or delivered.
    #[serde(default, skip_serializing_if = "is_read")]
    pub sight: Sight,
    /// What was seen; none if the platform no longer knew the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// See [`Operation::folded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folded: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_read(sight: &Sight) -> bool {
    *sight == Sight::Read
}

/// An answer under an id that no request of the trial is known to have.
///
/// It belongs to a request whose fate the client never learnt, or to one that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stray {
    /// The id it came under.
    pub id: RequestId,
    /// When.
    pub at: u64,
    /// What was answered.
    pub outcome: Outcome,
}

/// One line of `history.jsonl.zst`: `{"op":{...}}`, `{"read":{...}}` or `{"stray":{...}}`.
///
/// The kind is the outer key, not a field beside the others, so that a reader need not buffer a line to know what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(
    clippy::large_enum_variant,
    reason = "almost every line is an operation, so a box would cost an allocation each"
)]
pub enum HistoryLine {
    /// A planned request.
    Op(Operation),
    /// A later sight of an outcome.
    Read(Read),
    /// An answer to nobody.
    Stray(Stray),
}

/// One line of `certificates.jsonl.zst`: the tasks behind one answer.
///
/// They are kept apart because signatures do not compress: with them in the history, every analysis would have to read them.
/// `n` comes first, so that a reader can decide whether to audit a line before it parses the rest. Due time and expression stand
/// here too, so that what a request's tasks waited for can be told from this file alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateLine {
    /// Which request.
    pub n: u64,
    /// See [`Operation::intended`]; none in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended: Option<u64>,
    /// See [`Operation::expression`]; empty in older files.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expression: String,
    /// Its tasks, in dependency order.
    pub tasks: Vec<CertifiedTask>,
}

/// `keys.json`: what one must know to check the certificates of a trial. Public keys only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialKeys {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The cluster that signed statements name: 32 hexadecimal digits.
    pub cluster: String,
    /// The platform's configuration: protocol, suite, replicas.
    pub config: PlatformConfig,
    /// Every version of every set record that was seen, in the order in which they were seen.
    pub sets: Vec<SetRecord>,
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

impl FaultRecord {
    /// A fault that was planned and of which nothing was seen yet; times in nanoseconds since the trial began.
    pub fn planned(name: &str, kind: &str, role: &str, at: u64, duration: u64) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            role: role.to_owned(),
            target: String::new(),
            planned: at,
            duration,
            requested: None,
            effective: None,
            symptom: None,
            detected: None,
            recovered: None,
            healed: None,
            problem: None,
        }
    }
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
