//! The last observations, numbered, for any number of readers at their own pace.
//!
//! Readers hold a position, not a buffer: however many and however slow, they cost nothing, and one that falls behind the
//! oldest kept entry is told how many it lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tally_model::Observation;
use tokio::sync::watch;

/// Observations kept.
pub(crate) const KEPT: usize = 100_000;
/// Entries handed out at once.
const BATCH: usize = 256;

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Mutex<Ring>,
    next: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    first: u64,
    entries: VecDeque<Arc<str>>,
}

/// Entries from a position on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// How many entries before the first are gone.
    pub(crate) lost: u64,
    /// Number of the first entry.
    pub(crate) first: u64,
    /// The entries, JSON.
    pub(crate) entries: Vec<Arc<str>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            ring: Mutex::default(),
            next: watch::Sender::new(0),
        }
    }
}

impl Journal {
    /// Adds an entry and drops the oldest beyond the bound.
    pub(crate) fn append(&self, observation: &Observation) {
        let Ok(json) = serde_json::to_string(observation) else {
            return;
        };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.entries.push_back(json.into());
        if ring.entries.len() > KEPT {
            ring.entries.pop_front();
            ring.first += 1;
        }
        let next = ring.first + ring.entries.len() as u64;
        drop(ring);
        // Two appends may get here in either order; the number only ever grows.
        self.next.send_if_modified(|seen| {
            let newer = next > *seen;
            *seen = next.max(*seen);
            newer
        });
    }

    /// The number the next entry will have.
    pub(crate) fn end(&self) -> u64 {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.first + ring.entries.len() as u64
    }

    /// A page from `from` on, as soon as there is one.
    pub(crate) async fn page(&self, from: u64) -> Page {
        let mut next = self.next.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _alive = next.wait_for(|next| *next > from).await;
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = ring.first.saturating_sub(from);
        let skip = (from.max(ring.first) - ring.first) as usize;
        Page {
            lost,
            first: from.max(ring.first),
            entries: ring.entries.iter().skip(skip).take(BATCH).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tally_model::{Instant, Step};

    use super::*;

    /// A reader that fell behind is told exactly how many entries it lost, and sees every later one once.
    #[tokio::test]
    async fn a_late_reader_is_told_what_it_lost() {
        let journal = Journal::default();
        for at in 0..KEPT as u64 + 10 {
            journal.append(&Observation::new(Instant::from_nanos(at), Step::Decision));
        }
        let mut from = 0;
        let mut lost = 0;
        let mut seen = 0;
        while from < journal.end() {
            let page = journal.page(from).await;
            lost += page.lost;
            seen += page.entries.len();
            from = page.first + page.entries.len() as u64;
        }
        assert_eq!((lost, seen), (10, KEPT));
    }
}
