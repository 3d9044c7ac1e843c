//! What the checker remembers of a line: fixed size, whatever the expression.

use tally_capture::{Fate, Sight};
use tally_model::RequestId;

use crate::line::{End, Id, Operation, Read};

/// Stands for an outcome; equal outcomes and, for all purposes, only those have equal marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark([u8; 16]);

impl Mark {
    /// Short texts stand for themselves, longer ones for their BLAKE3 hash.
    pub(crate) fn of(outcome: &End<'_>) -> Self {
        let mut mark = [0; 16];
        match outcome {
            End::Value(text) if text.len() < 16 => {
                mark[..text.len()].copy_from_slice(text.as_bytes());
                // The last byte tells short values from the rest, whose last byte is made 255 or 254.
            }
            End::Value(text) => {
                mark.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
                mark[15] = 255;
            }
            End::Error(failure) => {
                mark[0] = *failure as u8;
                mark[15] = 254;
            }
        }
        Self(mark)
    }
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) n: u64,
    pub(crate) key: Option<Id>,
    pub(crate) outcome: Option<Mark>,
    pub(crate) folded: Option<u64>,
    pub(crate) fate: Fate,
    /// Sent at all.
    pub(crate) sent: bool,
    /// The answer is a value, so that all of its tasks must be there.
    pub(crate) value: bool,
    /// The expression has operations, so that there must be tasks.
    pub(crate) tasks: bool,
}

impl Entry {
    pub(crate) fn of(op: &Operation<'_>, tasks: bool) -> Self {
        Self {
            n: op.n,
            key: op.id,
            outcome: op.outcome.as_ref().map(Mark::of),
            folded: op.folded,
            fate: op.fate,
            sent: op.sent.is_some() || op.attempts > 0,
            value: matches!(op.outcome, Some(End::Value(_))),
            tasks,
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> Option<RequestId> {
        self.key.map(Id::name)
    }
}

/// One later sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) n: u64,
    pub(crate) at: u64,
    pub(crate) sight: Sight,
    pub(crate) outcome: Option<Mark>,
    pub(crate) folded: Option<u64>,
}

impl Seen {
    pub(crate) fn of(read: &Read<'_>) -> Self {
        Self {
            n: read.n,
            at: read.at,
            sight: read.sight,
            outcome: read.outcome.as_ref().map(Mark::of),
            folded: read.folded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_model::Failure;

    /// Different outcomes have different marks, across the border between short and long texts too.
    #[test]
    fn marks_tell_outcomes_apart() {
        let mut outcomes: Vec<End<'_>> = Failure::ALL.into_iter().map(End::Error).collect();
        outcomes.extend((1..40).map(|length| End::Value("1".repeat(length).into())));
        let mut marks: Vec<Mark> = outcomes.iter().map(Mark::of).collect();
        marks.sort();
        marks.dedup();
        assert_eq!(marks.len(), outcomes.len());
    }
}
