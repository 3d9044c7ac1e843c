//! The message log: what was ordered, prepared and decided between the watermarks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tally_model::Epoch;

use super::message::{Order, PreparedProof};
use crate::certificate::Vote;
use crate::digest::Digest;

/// One place in the order.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The PRE-PREPARE accepted in this view.
    pub(super) order: Option<Order>,
    /// PREPAREs of this view, the member's own included.
    pub(super) prepares: ByMember<(Digest, Vec<u8>)>,
    /// COMMITs of this view, the member's own included.
    pub(super) commits: ByMember<Digest>,
    /// Whether it is prepared in this view.
    pub(super) prepared: bool,
    /// What was decided here, in this view or an earlier one.
    pub(super) decided: Option<Digest>,
    /// The prepared certificate of the highest view. It outlives its view: without it a later view could replace what was decided.
    pub(super) proof: Option<PreparedProof>,
}

/// What members said, at most once each, in the order of their places. There are few, in very many entries.
#[derive(Debug)]
pub(super) struct ByMember<T>(Vec<(u8, T)>);

impl<T> Default for ByMember<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByMember<T> {
    fn place(&self, member: u8) -> Result<usize, usize> {
        self.0.binary_search_by_key(&member, |(known, _)| *known)
    }

    pub(super) fn get(&self, member: u8) -> Option<&T> {
        self.place(member).ok().map(|place| &self.0[place].1)
    }

    /// Puts one in place of what the member said before.
    pub(super) fn insert(&mut self, member: u8, said: T) {
        match self.place(member) {
            Ok(place) => self.0[place].1 = said,
            Err(place) => self.0.insert(place, (member, said)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &T)> {
        self.0.iter().map(|(member, said)| (*member, said))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Entry {
    /// The digest of the accepted order.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.order.as_ref().map(|order| order.digest)
    }

    /// The certificate of 2f PREPAREs of distinct backups, if there is one. A PREPARE of the primary never counts.
    pub(super) fn certificate(
        &self,
        epoch: Epoch,
        view: u32,
        primary: u8,
        need: u8,
    ) -> Option<PreparedProof> {
        let order = self.order.as_ref()?;
        let counting = || {
            self.prepares
                .iter()
                .filter(|(member, (digest, _))| *member != primary && *digest == order.digest)
        };
        if counting().count() < usize::from(need) {
            return None;
        }
        let prepares = counting()
            .map(|(member, (_, signature))| Vote {
                member,
                signature: signature.clone(),
            })
            .take(usize::from(need))
            .collect();
        Some(PreparedProof {
            epoch,
            view,
            sequence: order.sequence,
            digest: order.digest,
            signature: order.signature.clone(),
            prepares,
        })
    }

    /// Members that committed to the accepted order.
    pub(super) fn committers(&self) -> usize {
        let digest = self.digest();
        self.commits
            .iter()
            .filter(|(_, committed)| Some(**committed) == digest)
            .count()
    }
}

/// The log: at most L entries above the low watermark.
#[derive(Debug)]
pub(super) struct Log {
    low: u64,
    window: u64,
    entries: BTreeMap<u64, Entry>,
}

impl Log {
    pub(super) const fn new(window: u64) -> Self {
        Self {
            low: 0,
            window,
            entries: BTreeMap::new(),
        }
    }

    /// h.
    pub(super) const fn low(&self) -> u64 {
        self.low
    }

    /// H.
    pub(super) const fn high(&self) -> u64 {
        self.low.saturating_add(self.window)
    }

    /// h < n <= H.
    pub(super) const fn accepts(&self, sequence: u64) -> bool {
        self.low < sequence && sequence <= self.high()
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(&sequence)
    }

    /// The entry of a place between the watermarks; the caller checked [`Log::accepts`].
    pub(super) fn entry(&mut self, sequence: u64) -> &mut Entry {
        self.entries.entry(sequence).or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|(sequence, entry)| (*sequence, entry))
    }

    /// Places above `after` that were ordered in this view, ascending.
    pub(super) fn ordered_after(&self, after: u64) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        self.entries
            .range(after.saturating_add(1)..)
            .filter(|(_, entry)| entry.order.is_some())
            .map(|(sequence, entry)| (*sequence, entry))
    }

    /// The last place ordered in this view, or the low watermark.
    pub(super) fn last_ordered(&self) -> u64 {
        self.ordered_after(self.low)
            .next_back()
            .map_or(self.low, |(sequence, _)| sequence)
    }

    /// Whether this member has a certificate of its own for what `proof` says: then it is true whoever signed it.
    pub(super) fn holds(&self, proof: &PreparedProof) -> bool {
        let own = self.get(proof.sequence).and_then(|entry| entry.proof.as_ref());
        own.is_some_and(|own| (own.view, own.digest) == (proof.view, proof.digest))
    }

    /// Ends an epoch: the next one begins after `base`.
    pub(super) fn restart(&mut self, base: u64) {
        self.low = base;
        self.entries.clear();
    }

    /// Moves the low watermark up and drops everything at and below it.
    pub(super) fn advance(&mut self, stable: u64) {
        if stable > self.low {
            self.low = stable;
            while self
                .entries
                .first_key_value()
                .is_some_and(|(sequence, _)| *sequence <= stable)
            {
                self.entries.pop_first();
            }
        }
    }

    /// Ends a view: votes and orders go, certificates and decisions stay.
    pub(super) fn leave_view(&mut self) {
        for entry in self.entries.values_mut() {
            entry.order = None;
            entry.prepares.clear();
            entry.commits.clear();
            entry.prepared = false;
        }
        self.entries
            .retain(|_, entry| entry.proof.is_some() || entry.decided.is_some());
    }

    /// P: the certificates above the low watermark.
    pub(super) fn prepared(&self) -> Arc<[PreparedProof]> {
        self.entries
            .values()
            .filter_map(|entry| entry.proof.clone())
            .collect()
    }

    /// Every digest that an entry names.
    pub(super) fn digests(&self) -> BTreeSet<Digest> {
        self.entries
            .values()
            .flat_map(|entry| {
                [
                    entry.digest(),
                    entry.decided,
                    entry.proof.as_ref().map(|proof| proof.digest),
                ]
            })
            .flatten()
            .collect()
    }
}
