//! What a request or a task can end in, in one canonical encoding that replicas vote on.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Every way to fail that has a name (the taxonomy of the reliability reference, B2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The text is not an expression.
    Syntax,
    /// More than 64 KiB of text or 8,192 nodes.
    TooLarge,
    /// Nested deeper than 256.
    TooDeep,
    /// A literal the grammar knows but the arithmetic refuses.
    UnsupportedNumber,
    /// A divisor evaluated to 0.
    DivByZero,
    /// A numerator or denominator beyond 4,096 bits.
    Overflow,
    /// The request's own deadline passed. Reserved: requests have none, so nothing ends in it.
    Deadline,
    /// Received five times without success.
    DeadLettered,
    /// The replica set could not certify in time. Reserved: a task that one set does not certify goes to another for as long as it
    /// takes, so nothing ends in it.
    QuorumUnavailable,
    /// The answer, with the certificates of its tasks, is larger than a message of its queue may be.
    AnswerTooLarge,
    /// Refused because a bound was reached: with status 429, and no outcome.
    RefusedBusy,
    /// A bug of ours.
    Internal,
}

impl Failure {
    /// Every failure.
    pub const ALL: [Self; 12] = [
        Self::Syntax,
        Self::TooLarge,
        Self::TooDeep,
        Self::UnsupportedNumber,
        Self::DivByZero,
        Self::Overflow,
        Self::Deadline,
        Self::DeadLettered,
        Self::QuorumUnavailable,
        Self::AnswerTooLarge,
        Self::RefusedBusy,
        Self::Internal,
    ];

    /// The name used in answers, histories and experiment files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::UnsupportedNumber => "unsupported_number",
            Self::DivByZero => "div_by_zero",
            Self::Overflow => "overflow",
            Self::Deadline => "deadline",
            Self::DeadLettered => "dead_lettered",
            Self::QuorumUnavailable => "quorum_unavailable",
            Self::AnswerTooLarge => "answer_too_large",
            Self::RefusedBusy => "refused_busy",
            Self::Internal => "internal",
        }
    }

    /// The reverse of [`Failure::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// True when the arithmetic alone decides it, so that every correct replica must answer the same.
    pub const fn is_deterministic(self) -> bool {
        match self {
            Self::Syntax
            | Self::TooLarge
            | Self::TooDeep
            | Self::UnsupportedNumber
            | Self::DivByZero
            | Self::Overflow => true,
            Self::Deadline
            | Self::DeadLettered
            | Self::QuorumUnavailable
            | Self::AnswerTooLarge
            | Self::RefusedBusy
            | Self::Internal => false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The end of a task or of a request.
///
/// Its text form is canonical: a value is a rational in lowest terms (`16`, `-1/3`), a failure is `error:` and its
/// name. Two outcomes are equal exactly when their texts are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Outcome {
    /// An exact rational: decimal numerator, and `/` denominator unless it is 1.
    Value(String),
    /// A named failure.
    Error(Failure),
}

impl Outcome {
    /// Its text form.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Value(text) => Cow::Borrowed(text),
            Self::Error(failure) => Cow::Owned(format!("error:{failure}")),
        }
    }

    /// The bytes that are hashed, signed and voted on.
    pub fn canonical(&self) -> Vec<u8> {
        self.text().into_owned().into_bytes()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Value(text) => text,
            Outcome::Error(_) => outcome.to_string(),
        }
    }
}

impl TryFrom<String> for Outcome {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("error:") {
            None if text.is_empty() => {
                Err("an outcome is a number or `error:NAME`, not an empty text".into())
            }
            None => Ok(Self::Value(text)),
            Some(name) => Failure::from_name(name)
                .map(Self::Error)
                .ok_or_else(|| format!("`{name}` is not the name of a failure")),
        }
    }
}
