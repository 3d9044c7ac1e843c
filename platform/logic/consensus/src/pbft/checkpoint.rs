//! Checkpoints: which state 2f+1 members have, so that everything before it can be forgotten.

use std::collections::BTreeMap;

use tally_model::Epoch;

use super::message::{Checkpoint, CheckpointProof};
use crate::Signature;
use crate::certificate::Vote;
use crate::digest::Digest;

/// Checkpoints remembered per member; more than fit between the watermarks, twice over.
const KEPT: usize = 8;

/// What is known of checkpoints.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// The proof of the last stable one; none: the beginning of the epoch.
    pub(super) stable: Option<CheckpointProof>,
    /// Own states, with their digests, from the stable one on.
    pub(super) snapshots: BTreeMap<u64, (Digest, Vec<u8>)>,
    /// A proof of a state that this member does not have yet.
    pub(super) ahead: Option<CheckpointProof>,
    votes: BTreeMap<u8, BTreeMap<u64, (Digest, Signature)>>,
}

impl Checkpoints {
    /// A new epoch: what was signed under the old keys goes.
    pub(super) fn enter_epoch(&mut self) {
        self.votes.clear();
        self.ahead = None;
        self.stable = None;
    }

    /// Whether a vote adds anything.
    pub(super) fn is_news(&self, vote: &Checkpoint) -> bool {
        let stable = self.stable.as_ref();
        let old = stable.is_some_and(|stable| vote.sequence <= stable.sequence);
        let known = self
            .votes
            .get(&vote.member)
            .is_some_and(|votes| votes.contains_key(&vote.sequence));
        !old && !known
    }

    /// Records a vote that was checked; the proof, if it is the one that completes it.
    pub(super) fn record(&mut self, vote: Checkpoint, epoch: Epoch, need: u8) -> Option<CheckpointProof> {
        let Checkpoint {
            sequence,
            member,
            digest,
            signature,
        } = vote;
        let own = self.votes.entry(member).or_default();
        own.entry(sequence).or_insert((digest, signature));
        while own.len() > KEPT {
            own.pop_first();
        }
        let votes: Vec<Vote> = self
            .votes
            .iter()
            .filter_map(|(member, votes)| {
                let (_, signature) = votes.get(&sequence).filter(|(named, _)| *named == digest)?;
                Some(Vote {
                    member: *member,
                    signature: signature.clone(),
                })
            })
            .take(usize::from(need))
            .collect();
        (votes.len() >= usize::from(need)).then_some(CheckpointProof {
            epoch,
            sequence,
            digest,
            votes,
        })
    }

    /// Own votes above `after`, to be repeated.
    pub(super) fn own_after(&self, me: u8, after: u64) -> Vec<Checkpoint> {
        self.votes
            .get(&me)
            .into_iter()
            .flatten()
            .filter(|(sequence, _)| **sequence > after)
            .map(|(sequence, (digest, signature))| Checkpoint {
                sequence: *sequence,
                member: me,
                digest: *digest,
                signature: signature.clone(),
            })
            .collect()
    }

    /// Whether `proof` proves more than the stable one.
    pub(super) fn is_newer(&self, proof: &CheckpointProof) -> bool {
        let stable = self.stable.as_ref();
        stable.is_none_or(|stable| proof.sequence > stable.sequence)
    }

    /// Makes a proof the stable one and drops what it makes useless.
    pub(super) fn stabilise(&mut self, proof: CheckpointProof) {
        let sequence = proof.sequence;
        self.snapshots = self.snapshots.split_off(&sequence);
        for votes in self.votes.values_mut() {
            *votes = votes.split_off(&sequence.saturating_add(1));
        }
        if self
            .ahead
            .as_ref()
            .is_some_and(|ahead| ahead.sequence <= sequence)
        {
            self.ahead = None;
        }
        self.stable = Some(proof);
    }
}
