//! Members whose connection broke: whoever is silent may be slow, whoever's process ended is not.
//!
//! It is a hint of the transport that nobody can prove, so it does what an expired timer does and no more: it makes a backup
//! leave the view of a primary that is gone. A connection that is back within the grace was no loss.

use std::collections::BTreeMap;

use tally_model::{Instant, NodeId};

/// Since when nothing was heard of whom.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<u8, Instant>);

impl Lost {
    /// The connection to `member` broke; believed from `at` on.
    pub(super) fn lost(&mut self, member: u8, at: Instant) {
        self.0.entry(member).or_insert(at);
    }

    /// Something came from there.
    pub(super) fn heard(&mut self, from: NodeId) {
        if let NodeId::Replica(_, member) = from {
            self.0.remove(&member);
        }
    }

    pub(super) fn contains(&self, member: u8) -> bool {
        self.0.contains_key(&member)
    }

    /// When the loss of `member` is to be acted on.
    pub(super) fn at(&self, member: u8) -> Option<Instant> {
        self.0.get(&member).copied()
    }

    pub(super) fn expired(&self, now: Instant, member: u8) -> bool {
        self.at(member).is_some_and(|at| at <= now)
    }

    /// Forgets about members that are somebody else now.
    pub(super) fn retain(&mut self, stays: impl Fn(u8) -> bool) {
        self.0.retain(|member, _| stays(*member));
    }
}
