//! What will be sent and when: fixed before the run, so that no answer can change it.

use std::fmt::Debug;
use std::time::Duration;

/// One request of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// The caller's number for it; echoed in [`crate::Sent`].
    pub n: u64,
    /// Nanoseconds since the start at which it is to be sent; in a closed loop the think time before it.
    pub due_ns: u64,
}

/// A schedule that can be asked for each of its requests, in any order and more than once, and always says the same.
///
/// Requests are asked for shortly before they are due, on a thread beside the sending one: a schedule of millions need not be
/// serialised at once.
pub trait Source: Debug + Send + Sync {
    /// How many requests there are.
    fn len(&self) -> usize;

    /// Whether there is nothing to send.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Request `index`, from 0 and below [`Source::len`].
    fn shot(&self, index: usize) -> Shot;

    /// Appends the bytes of request `index`, for example with [`crate::serialise`].
    fn write(&self, index: usize, bytes: &mut Vec<u8>);
}

/// A schedule in memory: serialised requests in one buffer, and when each is due.
#[derive(Clone, Debug, Default)]
pub struct Shots {
    bytes: Vec<u8>,
    shots: Vec<Shot>,
    /// Where the bytes of each end.
    ends: Vec<usize>,
}

impl Shots {
    /// An empty schedule.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds request `n`, due `due` after the start; `write` appends its bytes, for example with [`crate::serialise`].
    pub fn push(&mut self, n: u64, due: Duration, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
        self.shots.push(Shot {
            n,
            due_ns: u64::try_from(due.as_nanos()).unwrap_or(u64::MAX),
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shots.len()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.shots.is_empty()
    }
}

impl Source for Shots {
    fn len(&self) -> usize {
        self.shots.len()
    }

    fn shot(&self, index: usize) -> Shot {
        self.shots[index]
    }

    fn write(&self, index: usize, bytes: &mut Vec<u8>) {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        bytes.extend_from_slice(&self.bytes[start..self.ends[index]]);
    }
}
