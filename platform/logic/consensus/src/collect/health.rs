//! Who owes votes for too long, and whether all members vote: known by the leader alone, because it answers at 2f+1 votes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::Instant;

/// Signs of life of the followers in one epoch.
#[derive(Debug)]
pub(super) struct Pulse {
    timeout: Duration,
    owing: BTreeMap<u8, Instant>,
    silent: BTreeSet<u8>,
    repeat: Option<Instant>,
    /// All members voted on one batch since the last change.
    full: bool,
    /// How many statements of health were made.
    pub(super) number: u64,
}

impl Pulse {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            owing: BTreeMap::new(),
            silent: BTreeSet::new(),
            repeat: None,
            full: false,
            number: 0,
        }
    }

    /// `member` was asked to vote.
    pub(super) fn asked(&mut self, now: Instant, member: u8) {
        self.owing.entry(member).or_insert(now);
    }

    /// `member` voted; `behind` if it was asked for later votes too, which it still owes.
    pub(super) fn voted(&mut self, now: Instant, member: u8, behind: bool) {
        self.silent.remove(&member);
        if behind {
            self.owing.insert(member, now);
        } else {
            self.owing.remove(&member);
        }
    }

    /// All members agreed on one batch. True if that is news.
    pub(super) fn agreed(&mut self) -> bool {
        let news = !self.full && self.silent.is_empty();
        self.full |= news;
        news
    }

    /// Finds who fell silent. True if that must be said, for the first time or again.
    pub(super) fn check(&mut self, now: Instant) -> bool {
        let late: Vec<u8> = self
            .owing
            .iter()
            .filter(|(member, since)| now.since(**since) >= self.timeout && !self.silent.contains(member))
            .map(|(member, _)| *member)
            .collect();
        let news = !late.is_empty();
        self.silent.extend(late);
        if self.silent.is_empty() {
            self.repeat = None;
            return false;
        }
        self.full = false;
        let again = self.repeat.is_some_and(|at| at <= now);
        if news || again {
            self.repeat = Some(now + self.timeout);
        }
        news || again
    }

    pub(super) fn silent(&self) -> Vec<u8> {
        self.silent.iter().copied().collect()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.owing
            .iter()
            .filter(|(member, _)| !self.silent.contains(member))
            .map(|(_, since)| *since + self.timeout)
            .chain(self.repeat)
            .min()
    }
}
