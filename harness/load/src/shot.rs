//! What will be sent and when: fixed before the run, so that no answer can change it.

use std::sync::Arc;
use std::time::Duration;

/// One request of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// The caller's number for it; echoed in [`crate::Sent`].
    pub n: u64,
    /// Nanoseconds since the start at which it is to be sent; in a closed loop the think time before it.
    pub due_ns: u64,
    offset: usize,
    len: u32,
}

/// A schedule: serialised requests in one buffer, and when each is due.
#[derive(Clone, Debug, Default)]
pub struct Shots {
    bytes: Arc<Vec<u8>>,
    shots: Vec<Shot>,
}

impl Shots {
    /// An empty schedule.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds request `n`, due `due` after the start; `write` appends its bytes, for example with [`crate::serialise`].
    pub fn push(&mut self, n: u64, due: Duration, write: impl FnOnce(&mut Vec<u8>)) {
        let bytes = Arc::make_mut(&mut self.bytes);
        let offset = bytes.len();
        write(bytes);
        let len = (bytes.len() - offset) as u32;
        self.shots.push(Shot {
            n,
            due_ns: u64::try_from(due.as_nanos()).unwrap_or(u64::MAX),
            offset,
            len,
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

    /// In the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Shot> {
        self.shots.iter()
    }

    /// The bytes of `shot`, which must be one of this schedule.
    pub fn bytes(&self, shot: Shot) -> &[u8] {
        &self.bytes[shot.offset..shot.offset + shot.len as usize]
    }

    /// Every `of`-th shot from `part` on, sharing the bytes; due times in order.
    pub(crate) fn part(&self, part: usize, of: usize, sorted: bool) -> Self {
        let mut shots: Vec<Shot> = self.shots.iter().skip(part).step_by(of).copied().collect();
        if sorted {
            shots.sort_by_key(|shot| shot.due_ns);
        }
        Self {
            bytes: Arc::clone(&self.bytes),
            shots,
        }
    }

    pub(crate) fn at(&self, index: u32) -> Shot {
        self.shots[index as usize]
    }
}
