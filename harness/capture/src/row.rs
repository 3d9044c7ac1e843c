//! What an analysis keeps of one request: five numbers and how it ended. Read without an allocation.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, Visitor};
use tally_model::{Failure, Outcome};

use crate::record::Fate;
use crate::summary::Counts;

/// A request sent later than this after it was due counts as late, in nanoseconds.
const LATE: u64 = 5_000_000;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Dropped,
    Refused,
    Answered,
    Failed,
    DeadLettered,
    Unanswered,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) intended: u64,
    /// `u64::MAX` stands for none in the next three.
    pub(crate) lag: u64,
    pub(crate) first_byte: u64,
    pub(crate) latency: u64,
    pub(crate) end: End,
    pub(crate) accepted: bool,
    pub(crate) retried: bool,
}

/// A line of the history, everything else in it skipped.
#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    Op(Times),
    Read(IgnoredAny),
    Stray(IgnoredAny),
}

/// See `Operation`.
#[derive(serde::Deserialize)]
pub(crate) struct Times {
    intended: u64,
    #[serde(default)]
    sent: Option<u64>,
    #[serde(default)]
    first_byte: Option<u64>,
    #[serde(default)]
    done: Option<u64>,
    fate: Fate,
    accepted: bool,
    #[serde(default)]
    outcome: Option<Kind>,
    attempts: u32,
}

/// An outcome without its text.
enum Kind {
    Value,
    Error(Failure),
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Kind;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an outcome: a number or `error:NAME`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Kind, E> {
                if !text.is_empty() && !text.starts_with("error:") {
                    return Ok(Kind::Value);
                }
                match Outcome::try_from(text.to_owned()).map_err(E::custom)? {
                    Outcome::Value(_) => Ok(Kind::Value),
                    Outcome::Error(failure) => Ok(Kind::Error(failure)),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Row {
    pub(crate) fn of(op: &Times) -> Self {
        let since = |later: Option<u64>, earlier: Option<u64>| match (later, earlier) {
            (Some(later), Some(earlier)) => later.saturating_sub(earlier),
            _ => u64::MAX,
        };
        let end = match (&op.outcome, op.fate) {
            (Some(Kind::Error(Failure::DeadLettered)), _) => End::DeadLettered,
            (Some(Kind::Error(failure)), _) if !failure.is_deterministic() => End::Failed,
            (Some(_), _) => End::Answered,
            (None, _) if op.sent.is_none() => End::Dropped,
            (None, Fate::Fail) => End::Refused,
            (None, _) => End::Unanswered,
        };
        Self {
            intended: op.intended,
            lag: since(op.sent, Some(op.intended)),
            first_byte: since(op.first_byte, op.sent),
            latency: since(op.done, Some(op.intended)),
            end,
            accepted: op.accepted,
            retried: op.attempts > 1,
        }
    }

    pub(crate) fn count(&self, counts: &mut Counts) {
        let sent = self.lag != u64::MAX;
        let answered = self.end == End::Answered;
        counts.offered += 1;
        counts.sent += u64::from(sent);
        counts.late += u64::from(sent && self.lag > LATE);
        counts.dropped += u64::from(!sent);
        counts.refused += u64::from(self.end == End::Refused);
        counts.accepted += u64::from(self.accepted);
        counts.answered += u64::from(answered);
        counts.failed += u64::from(matches!(self.end, End::Failed | End::DeadLettered));
        counts.dead_lettered += u64::from(self.end == End::DeadLettered);
        counts.timeout += u64::from(self.end == End::Unanswered);
        counts.recovered += u64::from(answered && self.retried);
    }
}
