//! Names of requests, tasks, sets and nodes, each with one text form that is used everywhere.

use serde::{Deserialize, Serialize};

use crate::Operation;

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    /// What was expected, with an example.
    pub expected: &'static str,
}

impl std::fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! text_serde {
    ($name:ty) => {
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }
    };
}

/// A request, 128 bits, 32 lower-case hexadecimal digits. Derived from the idempotency key if the client gave one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestId(pub u128);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(hexadecimal(self.0, &mut [0; 32]))
    }
}

/// 32 digits, written to `room`.
fn hexadecimal(number: u128, room: &mut [u8; 32]) -> &str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, digits) in number.to_be_bytes().iter().zip(room.as_chunks_mut::<2>().0) {
        *digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
    }
    // Digits are ASCII.
    std::str::from_utf8(room).unwrap_or_default()
}

impl std::fmt::Debug for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for RequestId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let expected = ParseIdError {
            expected: "a request id of 32 lower-case hexadecimal digits",
        };
        if text.len() != 32
            || !text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return Err(expected);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| expected)
    }
}

text_serde!(RequestId);

/// One two-operand task of a request: `<request>.<index>`, indices in dependency order from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TaskId {
    /// The request it belongs to.
    pub request: RequestId,
    /// Its place in the request's DAG.
    pub index: u16,
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.request, self.index)
    }
}

impl std::str::FromStr for TaskId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let expected = ParseIdError {
            expected: "a task id such as `<request id>.0`",
        };
        let (request, index) = text.split_once('.').ok_or(expected.clone())?;
        Ok(Self {
            request: request.parse()?,
            index: index.parse().map_err(|_| expected)?,
        })
    }
}

text_serde!(TaskId);

/// A worker set: one worker of one operation, and its replicas. `add-3`. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SetId {
    /// What the set computes.
    pub operation: Operation,
    /// Distinguishes sets of the same operation.
    pub number: u32,
}

impl std::fmt::Display for SetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.operation, self.number)
    }
}

impl std::str::FromStr for SetId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let expected = ParseIdError {
            expected: "a set id such as `add-3`",
        };
        let (operation, number) = text.split_once('-').ok_or(expected.clone())?;
        let operation = Operation::from_name(operation).ok_or(expected.clone())?;
        Ok(Self {
            operation,
            number: number.parse().map_err(|_| expected)?,
        })
    }
}

text_serde!(SetId);

/// Counts the memberships of a set; every change of a member raises it by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// A place in the platform that can send and receive: `control`, `add-3/worker`, `add-3/replica-0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum NodeId {
    /// The control plane (scheduler, cluster service, admin).
    Control,
    /// The worker of a set.
    Worker(SetId),
    /// Member `.1` of a set's replicas, from 0.
    Replica(SetId, u8),
}

impl NodeId {
    /// The set it is part of, if any.
    pub const fn set(self) -> Option<SetId> {
        match self {
            Self::Control => None,
            Self::Worker(set) | Self::Replica(set, _) => Some(set),
        }
    }
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Control => f.write_str("control"),
            Self::Worker(set) => write!(f, "{set}/worker"),
            Self::Replica(set, index) => write!(f, "{set}/replica-{index}"),
        }
    }
}

impl std::str::FromStr for NodeId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let expected = ParseIdError {
            expected: "a node id such as `control`, `add-3/worker` or `add-3/replica-0`",
        };
        if text == "control" {
            return Ok(Self::Control);
        }
        let (set, member) = text.split_once('/').ok_or(expected.clone())?;
        let set = set.parse()?;
        match member.strip_prefix("replica-") {
            Some(index) => Ok(Self::Replica(set, index.parse().map_err(|_| expected)?)),
            None if member == "worker" => Ok(Self::Worker(set)),
            None => Err(expected),
        }
    }
}

text_serde!(NodeId);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every id survives the way through its text form.
    #[test]
    fn ids_round_trip_through_text() {
        let set = SetId {
            operation: Operation::Mul,
            number: 7,
        };
        for node in [NodeId::Control, NodeId::Worker(set), NodeId::Replica(set, 3)] {
            assert_eq!(node.to_string().parse(), Ok(node));
        }
        let task = TaskId {
            request: RequestId(0xfeed),
            index: 41,
        };
        assert_eq!(task.to_string().parse(), Ok(task));
    }

    /// Near misses are refused instead of being read as something else.
    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "control ",
            "add/worker",
            "add-1/replica-x",
            "pow-1/worker",
            "add-1/leader",
        ] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
        for text in ["", "FEED", "../x", "0123456789abcdef0123456789abcdeF"] {
            assert!(text.parse::<RequestId>().is_err(), "{text}");
        }
    }
}
