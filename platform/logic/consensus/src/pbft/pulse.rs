//! Who replies: the client hears every replica, so it is the one to notice who fell silent behind a mask of f faults.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::Instant;

/// Quorum timeouts between two suspicions of the same replica, should the first have been lost.
const AGAIN: u32 = 10;

/// Replies that are owed.
#[derive(Debug)]
pub(super) struct Pulse {
    timeout: Duration,
    /// Since when, and when to speak of it next.
    owes: BTreeMap<u8, Debt>,
    heard: BTreeSet<u8>,
    members: u8,
    full: Option<bool>,
}

#[derive(Debug)]
struct Debt {
    due: Instant,
    told: bool,
}

impl Pulse {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            owes: BTreeMap::new(),
            heard: BTreeSet::new(),
            members: u8::MAX,
            full: None,
        }
    }

    /// A request was answered by `replied`; the others owe theirs from now on.
    pub(super) fn answered(&mut self, now: Instant, members: u8, replied: &[u8]) {
        self.members = members;
        let due = now + self.timeout;
        for member in 0..members {
            if replied.contains(&member) {
                self.heard(member);
            } else {
                self.owes.entry(member).or_insert(Debt { due, told: false });
            }
        }
    }

    /// A reply came; whether now nobody owes any.
    pub(super) fn heard(&mut self, member: u8) -> bool {
        self.owes.remove(&member);
        self.heard.insert(member);
        self.owes.is_empty() && self.heard.len() >= usize::from(self.members)
    }

    /// Members to speak of now.
    pub(super) fn check(&mut self, now: Instant) -> Vec<u8> {
        let again = self.timeout * AGAIN;
        self.owes
            .iter_mut()
            .filter(|(_, debt)| debt.due <= now)
            .map(|(member, debt)| {
                debt.due = now + again;
                debt.told = true;
                *member
            })
            .collect()
    }

    /// How many were spoken of and still owe.
    pub(super) fn silent(&self) -> u8 {
        self.owes.values().filter(|debt| debt.told).count() as u8
    }

    /// Whether it is news that all reply, or that not all do.
    pub(super) fn tell(&mut self, full: bool) -> bool {
        let news = self.full != Some(full);
        self.full = Some(full);
        news
    }

    pub(super) fn at(&self) -> Option<Instant> {
        self.owes.values().map(|debt| debt.due).min()
    }
}
