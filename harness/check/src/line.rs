//! A line of the history as the checker reads it: only what it needs, borrowed from the text of the frame.
//!
//! The same lines as `tally_capture::HistoryLine`, without an allocation for each of their texts.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use tally_capture::{Fate, Sight};
use tally_model::{Failure, Outcome, RequestId};

/// One line.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line<'a> {
    /// A planned request.
    #[serde(borrow)]
    Op(Operation<'a>),
    /// A later sight of an outcome.
    #[serde(borrow)]
    Read(Read<'a>),
    /// An answer under an id that no request is known to have.
    #[serde(borrow)]
    Stray(Stray<'a>),
}

/// See `tally_capture::Operation`.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Operation<'a> {
    pub(crate) n: u64,
    #[serde(borrow)]
    pub(crate) expression: Cow<'a, str>,
    #[serde(default)]
    pub(crate) sent: Option<u64>,
    pub(crate) fate: Fate,
    pub(crate) status: u16,
    pub(crate) accepted: bool,
    #[serde(default)]
    pub(crate) id: Option<Id>,
    #[serde(borrow, default)]
    pub(crate) outcome: Option<End<'a>>,
    #[serde(default)]
    pub(crate) other_ids: Vec<RequestId>,
    #[serde(default)]
    pub(crate) folded: Option<u64>,
    pub(crate) attempts: u32,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) overdue: bool,
}

impl Operation<'_> {
    /// Its id.
    pub(crate) fn id(&self) -> Option<RequestId> {
        self.id.map(Id::name)
    }
}

/// See `tally_capture::Read`.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Read<'a> {
    pub(crate) n: u64,
    pub(crate) at: u64,
    #[serde(default)]
    pub(crate) sight: Sight,
    #[serde(borrow, default)]
    pub(crate) outcome: Option<End<'a>>,
    #[serde(default)]
    pub(crate) folded: Option<u64>,
}

/// See `tally_capture::Stray`.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Stray<'a> {
    pub(crate) id: Id,
    pub(crate) at: u64,
    #[serde(borrow)]
    pub(crate) outcome: End<'a>,
}

/// A request's id as bytes, which need no alignment and sort as the number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id([u8; 16]);

impl Id {
    pub(crate) const fn name(self) -> RequestId {
        RequestId(u128::from_be_bytes(self.0))
    }

    /// The half of it that is compared first when ids are sorted.
    pub(crate) fn low(self) -> u64 {
        self.name().0 as u64
    }
}

/// An outcome, its text borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End<'a> {
    /// See `Outcome::Value`.
    Value(Cow<'a, str>),
    /// See `Outcome::Error`.
    Error(Failure),
}

impl<'a> End<'a> {
    fn of(text: Cow<'a, str>) -> Result<Self, String> {
        if !text.is_empty() && !text.starts_with("error:") {
            return Ok(Self::Value(text));
        }
        Ok(match Outcome::try_from(text.into_owned())? {
            Outcome::Value(text) => Self::Value(text.into()),
            Outcome::Error(failure) => Self::Error(failure),
        })
    }

    /// The same, on its own.
    pub(crate) fn to_outcome(&self) -> Outcome {
        match self {
            Self::Value(text) => Outcome::Value(text.as_ref().to_owned()),
            Self::Error(failure) => Outcome::Error(*failure),
        }
    }

    /// Whether it is `outcome`.
    pub(crate) fn is(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Value(text), Outcome::Value(other)) => text == other,
            (Self::Error(failure), Outcome::Error(other)) => failure == other,
            _ => false,
        }
    }
}

impl std::fmt::Display for End<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_outcome().fmt(f)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Id;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a request id of 32 lower-case hexadecimal digits")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
                let id: RequestId = text.parse().map_err(E::custom)?;
                Ok(Id(id.0.to_be_bytes()))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for End<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = End<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an outcome: a number or `error:NAME`")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<End<'de>, E> {
                End::of(Cow::Borrowed(text)).map_err(E::custom)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<End<'de>, E> {
                End::of(Cow::Owned(text.to_owned())).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use tally_capture::HistoryLine;

    use super::*;

    /// Every field that the checker reads is what the owner of the format reads, whether texts can be borrowed or not.
    #[test]
    fn lines_are_read_as_their_owner_reads_them() {
        let id = "0123456789abcdef0123456789abcdef";
        for outcome in ["16", "-1/3", "error:div_by_zero", "1\\u0036"] {
            let text = format!(
                r#"{{"op":{{"n":7,"load":1,"expression":"3 \u0031","intended":5,"sent":6,"fate":"ok","status":202,
                "accepted":true,"id":"{id}","outcome":"{outcome}","other_ids":["{id}"],"folded":9,"attempts":2,"reason":"a\nb"}}}}"#
            );
            let (Line::Op(mine), HistoryLine::Op(owner)) = (
                serde_json::from_str(&text).unwrap(),
                serde_json::from_str(&text).unwrap(),
            ) else {
                panic!("an operation");
            };
            assert_eq!(
                (mine.n, mine.expression.as_ref()),
                (owner.n, owner.expression.as_str())
            );
            assert_eq!(
                (mine.sent, mine.folded, mine.id()),
                (owner.sent, owner.folded, owner.id)
            );
            assert_eq!(
                (mine.fate, mine.status, mine.accepted),
                (owner.fate, owner.status, owner.accepted)
            );
            assert_eq!(
                (mine.other_ids, mine.attempts, mine.reason),
                (owner.other_ids, owner.attempts, owner.reason)
            );
            let (end, outcome) = (mine.outcome.unwrap(), owner.outcome.unwrap());
            assert!(end.is(&outcome) && end.to_outcome() == outcome, "{outcome}");
        }
    }

    /// What is not an outcome or an id is refused, as the owner of the format refuses it.
    #[test]
    fn nonsense_is_refused() {
        for text in [
            r#"{"read":{"n":1,"at":2,"outcome":""}}"#,
            r#"{"read":{"n":1,"at":2,"outcome":"error:sleepy"}}"#,
            r#"{"op":{"n":1,"expression":"1","fate":"ok","status":202,"accepted":true,"attempts":1,"id":"12"}}"#,
        ] {
            assert!(serde_json::from_str::<Line<'_>>(text).is_err(), "{text}");
            assert!(serde_json::from_str::<HistoryLine>(text).is_err(), "{text}");
        }
    }
}
