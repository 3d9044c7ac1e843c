//! When a VIEW-CHANGE is valid, and which orders follow from 2f+1 of them (OSDI'99, section 4.4).

use std::collections::BTreeMap;

use super::desk::Desk;
use super::message::{CheckpointProof, NewView, PreparedProof, ViewChange};
use super::statement::view_change;
use crate::digest::Digest;
use crate::membership::Membership;
use crate::mutant::{self, Mutant};
use crate::replica::Refusal;

impl ViewChange {
    /// Whether it may enter V: signed, C proves n_s, and each entry of P is a proof of an earlier view between the watermarks.
    /// Without C, n_s is `base`, where the epoch began. What `holds` says of a proof is believed without its signatures.
    pub(super) fn check(
        &self,
        desk: &mut Desk,
        membership: &Membership,
        base: u64,
        window: u64,
        holds: impl Fn(&PreparedProof) -> bool,
    ) -> Result<(), Refusal> {
        let low = self.stable.as_ref().map_or(base, |proof| proof.sequence);
        let mut last = low;
        for proof in &*self.prepared {
            let between = last < proof.sequence && proof.sequence <= low.saturating_add(window);
            if !between || proof.view >= self.view {
                return Err(Refusal::OutOfBounds);
            }
            last = proof.sequence;
        }
        let statement = view_change(membership, self);
        desk.verify_replica(membership, self.member, &statement, &self.signature)?;
        if let Some(proof) = &self.stable {
            proof.check(desk, membership)?;
        }
        self.prepared
            .iter()
            .filter(|proof| !holds(proof))
            .try_for_each(|proof| proof.check(desk, membership))
    }
}

/// What V decides: min-s with its proof, and O as (place, digest).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) stable: Option<CheckpointProof>,
    pub(super) orders: Vec<(u64, Digest)>,
}

impl Choice {
    /// Follows from V alone: from the highest checkpoint to the highest proof, per place the proof of the highest view, and the
    /// null request where nobody proves anything.
    pub(super) fn of(changes: &[ViewChange], null: Digest, base: u64) -> Self {
        let stable = changes
            .iter()
            .filter_map(|change| change.stable.as_ref())
            .max_by_key(|proof| proof.sequence)
            .cloned();
        let low = stable.as_ref().map_or(base, |proof| proof.sequence);
        let mut best: BTreeMap<u64, &PreparedProof> = BTreeMap::new();
        for proof in changes.iter().flat_map(|change| &*change.prepared) {
            if proof.sequence <= low {
                continue;
            }
            let known = best.entry(proof.sequence).or_insert(proof);
            if (proof.view > known.view) != mutant::is(Mutant::LowestView) {
                *known = proof;
            }
        }
        let high = best.last_key_value().map_or(low, |(sequence, _)| *sequence);
        let orders = (low.saturating_add(1)..=high)
            .map(|sequence| (sequence, best.get(&sequence).map_or(null, |proof| proof.digest)))
            .collect();
        Self { stable, orders }
    }
}

/// The VIEW-CHANGEs of the others and one's own: per member the one for the highest view.
#[derive(Debug, Default)]
pub(super) struct Changes {
    received: BTreeMap<u8, ViewChange>,
    /// The NEW-VIEW of the view one is in, to be repeated to whoever missed it.
    pub(super) entered: Option<NewView>,
}

impl Changes {
    pub(super) fn get(&self, member: u8) -> Option<&ViewChange> {
        self.received.get(&member)
    }

    pub(super) fn put(&mut self, change: ViewChange) {
        self.received.insert(change.member, change);
    }

    pub(super) fn clear(&mut self) {
        self.received.clear();
        self.entered = None;
    }

    /// Members that are on their way to `view` or further.
    pub(super) fn at_least(&self, view: u32) -> usize {
        self.received
            .values()
            .filter(|change| change.view >= view)
            .count()
    }

    /// The VIEW-CHANGEs for exactly `view`.
    pub(super) fn for_view(&self, view: u32) -> Vec<ViewChange> {
        self.received
            .values()
            .filter(|change| change.view == view)
            .cloned()
            .collect()
    }

    /// The smallest view above `view` that someone goes to, if `need` members go above it.
    pub(super) fn joined(&self, view: u32, need: u8) -> Option<u32> {
        let above: Vec<u32> = self
            .received
            .values()
            .map(|change| change.view)
            .filter(|target| *target > view)
            .collect();
        if mutant::is(Mutant::NoJoin) {
            return None;
        }
        (above.len() >= usize::from(need)).then(|| above.into_iter().min())?
    }
}
