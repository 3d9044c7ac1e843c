//! What a number is: seconds are not bytes, and 5 is neither.

use serde::{Deserialize, Serialize};

use crate::units::{say_number, say_seconds};

/// The dimension of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A bare number.
    Number,
    /// How many; goes with bare numbers.
    Count,
    /// A part of a whole, 0 to 1, written `0.05` or `5%`.
    Share,
    /// Seconds, written `5s`, `20ms`.
    Time,
    /// Bytes, written `64MiB`.
    Bytes,
}

impl Unit {
    /// With an example, for messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Number => "a bare number",
            Self::Count => "a count",
            Self::Share => "a share (such as 5% or 0.05)",
            Self::Time => "a time (such as 800ms)",
            Self::Bytes => "a size (such as 64MiB)",
        }
    }

    /// The unit of a sum or of two sides of a comparison, if they go together.
    pub(crate) const fn together(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Number, Self::Number) => Some(Self::Number),
            (Self::Number | Self::Count, Self::Number | Self::Count) => Some(Self::Count),
            (Self::Number | Self::Share, Self::Number | Self::Share) => Some(Self::Share),
            (Self::Time, Self::Time) => Some(Self::Time),
            (Self::Bytes, Self::Bytes) => Some(Self::Bytes),
            _ => None,
        }
    }

    pub(crate) const fn times(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Number | Self::Share, unit) | (unit, Self::Number | Self::Share) => Some(unit),
            _ => None,
        }
    }

    pub(crate) fn over(self, other: Self) -> Option<Self> {
        match (self, other) {
            (unit, Self::Number | Self::Share) => Some(unit),
            (unit, divisor) if unit == divisor => Some(Self::Number),
            (unit, Self::Count) if unit != Self::Number => Some(unit),
            _ => None,
        }
    }

    /// A value of this unit for people.
    pub fn say(self, value: f64) -> String {
        match self {
            Self::Number | Self::Count | Self::Share => say_number(value),
            Self::Time => say_seconds(value),
            Self::Bytes if value.abs() >= 1_048_576.0 => format!("{} MiB", say_number(value / 1_048_576.0)),
            Self::Bytes if value.abs() >= 1_024.0 => format!("{} KiB", say_number(value / 1_024.0)),
            Self::Bytes => format!("{} B", say_number(value)),
        }
    }
}
