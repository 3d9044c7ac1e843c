//! The message log: what was ordered, prepared and decided between the watermarks.

use std::collections::VecDeque;
use std::sync::Arc;

use tally_model::Epoch;

use super::by_member::ByMember;
use super::message::{Order, PreparedProof};
use crate::Signature;
use crate::certificate::Vote;
use crate::digest::Digest;

/// One place in the order.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The PRE-PREPARE accepted in this view.
    pub(super) order: Option<Order>,
    /// PREPAREs of this view, the member's own included.
    pub(super) prepares: ByMember<(Digest, Signature)>,
    /// COMMITs of this view, the member's own included.
    pub(super) commits: ByMember<Digest>,
    /// Whether it is prepared in this view.
    pub(super) prepared: bool,
    /// What was decided here, in this view or an earlier one.
    pub(super) decided: Option<Digest>,
    /// The prepared certificate of the highest view. It outlives its view: without it a later view could replace what was decided.
    pub(super) proof: Option<PreparedProof>,
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

    /// Ends a view: its votes and its order go, certificate and decision stay.
    fn leave_view(&mut self) {
        self.order = None;
        self.prepares.clear();
        self.commits.clear();
        self.prepared = false;
    }

    fn clear(&mut self) {
        self.leave_view();
        self.decided = None;
        self.proof = None;
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

/// The log: at most L entries above the low watermark, each at its distance from it.
#[derive(Debug)]
pub(super) struct Log {
    low: u64,
    window: u64,
    /// The place `low + 1` first; none: nothing is known of a place.
    entries: VecDeque<Option<Entry>>,
    /// Entries that were dropped, kept for their memory.
    spare: Vec<Entry>,
}

impl Log {
    pub(super) const fn new(window: u64) -> Self {
        Self {
            low: 0,
            window,
            entries: VecDeque::new(),
            spare: Vec::new(),
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

    /// Where the entry of a place stands; none at and below the low watermark.
    fn index(&self, sequence: u64) -> Option<usize> {
        let distance = sequence.checked_sub(self.low)?.checked_sub(1)?;
        usize::try_from(distance).ok()
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(self.index(sequence)?)?.as_ref()
    }

    /// The entry of a place that is known.
    pub(super) fn get_mut(&mut self, sequence: u64) -> Option<&mut Entry> {
        let index = self.index(sequence)?;
        self.entries.get_mut(index)?.as_mut()
    }

    /// The entry of a place between the watermarks; the caller checked [`Log::accepts`].
    pub(super) fn entry(&mut self, sequence: u64) -> &mut Entry {
        assert!(self.accepts(sequence), "{sequence} is not between the watermarks");
        let index = (sequence - self.low - 1) as usize;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        let spare = &mut self.spare;
        self.entries[index].get_or_insert_with(|| spare.pop().unwrap_or_default())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        self.after(self.low)
    }

    /// Places above `after`, ascending.
    pub(super) fn after(&self, after: u64) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        let first = self.index(after.saturating_add(1)).unwrap_or_default();
        let first = first.min(self.entries.len());
        let low = self.low;
        self.entries
            .range(first..)
            .enumerate()
            .filter_map(move |(place, entry)| Some((low + 1 + (first + place) as u64, entry.as_ref()?)))
    }

    /// Places above `after` that were ordered in this view, ascending.
    pub(super) fn ordered_after(&self, after: u64) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        self.after(after).filter(|(_, entry)| entry.order.is_some())
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
        while self.low < stable && !self.entries.is_empty() {
            self.low += 1;
            if let Some(mut entry) = self.entries.pop_front().flatten() {
                entry.clear();
                self.spare.push(entry);
            }
        }
        self.low = self.low.max(stable);
    }

    /// Ends a view: votes and orders go, certificates and decisions stay.
    pub(super) fn leave_view(&mut self) {
        for place in &mut self.entries {
            if let Some(entry) = place {
                entry.leave_view();
            }
            *place = place
                .take()
                .filter(|entry| entry.proof.is_some() || entry.decided.is_some());
        }
    }

    /// P: the certificates above the low watermark.
    pub(super) fn prepared(&self) -> Arc<[PreparedProof]> {
        self.iter().filter_map(|(_, entry)| entry.proof.clone()).collect()
    }

    /// Every digest that an entry names, some of them more than once.
    pub(super) fn digests(&self) -> Vec<Digest> {
        self.iter()
            .flat_map(|(_, entry)| {
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
