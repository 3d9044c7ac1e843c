//! Reading what clients send: required fields, numbers in either form, ranges.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::fault::{Fault, Kind};

/// The input of an action. Unknown fields are ignored, as Amazon does: SDKs are newer than servers.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    // A request without a body means one without parameters.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Fault::new(Kind::Malformed, format!("the request cannot be read: {error}")))
}

/// A field that must be there.
pub(crate) fn required<T>(name: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| {
        let message = format!("The request must contain the parameter {name}.");
        Fault::new(Kind::Missing, message)
    })
}

/// A number within its range.
pub(crate) fn within(name: &str, value: i64, range: RangeInclusive<i64>) -> Result<u64, Fault> {
    if range.contains(&value) {
        Ok(value as u64)
    } else {
        let (least, most) = range.into_inner();
        let message = format!(
            "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
        );
        Err(Fault::new(Kind::Parameter, message))
    }
}

/// A whole number, also written as a text: Amazon takes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(i64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => text.trim().parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: a number is a number in either form, and nothing else is.
    #[test]
    fn numbers_come_in_two_forms() {
        for (text, expected) in [
            ("2", Some(2)),
            ("\"2\"", Some(2)),
            ("\"x\"", None),
            ("2.5", None),
            ("[]", None),
        ] {
            assert_eq!(
                serde_json::from_str::<Whole>(text).ok().map(|whole| whole.0),
                expected,
                "{text}"
            );
        }
    }
}
