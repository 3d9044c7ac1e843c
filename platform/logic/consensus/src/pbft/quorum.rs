//! Certificates between replicas, and how a third replica checks them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tally_model::Epoch;

use super::desk::Desk;
use super::message::{CheckpointProof, PreparedProof};
use super::statement::{checkpoint, pre_prepare, prepare, scope};
use crate::certificate::Vote;
use crate::membership::Membership;
use crate::replica::Refusal;

/// Epochs whose keys are remembered: certificates of an epoch stay in use until a checkpoint of a later one is stable, and
/// members may be replaced many times before that. A set that opened none of so many epochs must be made anew.
const EPOCHS: usize = 64;

/// The memberships of the last epochs.
#[derive(Debug, Default)]
pub(super) struct Epochs(VecDeque<Arc<Membership>>);

impl Epochs {
    pub(super) fn current(&self) -> Option<&Arc<Membership>> {
        self.0.back()
    }

    pub(super) fn enter(&mut self, membership: Arc<Membership>) {
        self.0.retain(|known| known.epoch() != membership.epoch());
        self.0.push_back(membership);
        while self.0.len() > EPOCHS {
            self.0.pop_front();
        }
    }

    pub(super) fn get(&self, epoch: Epoch) -> Result<Arc<Membership>, Refusal> {
        self.0
            .iter()
            .find(|known| known.epoch() == epoch)
            .cloned()
            .ok_or(Refusal::OtherEpoch)
    }
}

/// The primary of a view: v mod n.
pub(super) fn primary(membership: &Membership, view: u32) -> u8 {
    (view % u32::from(membership.size().max(1))) as u8
}

/// Checks that at least `need` distinct members signed their statements.
fn check_votes(
    desk: &mut Desk,
    membership: &Membership,
    votes: &[Vote],
    need: u8,
    statement: impl Fn(u8) -> Vec<u8>,
) -> Result<(), Refusal> {
    let distinct: BTreeSet<u8> = votes.iter().map(|vote| vote.member).collect();
    if distinct.len() != votes.len() || votes.len() < usize::from(need) {
        return Err(Refusal::Certificate);
    }
    votes.iter().try_for_each(|vote| {
        desk.verify_replica(membership, vote.member, &statement(vote.member), &vote.signature)
    })
}

impl CheckpointProof {
    /// 2f+1 members of its epoch signed the same state.
    pub(super) fn check(&self, desk: &mut Desk, epochs: &Epochs) -> Result<(), Refusal> {
        let membership = epochs.get(self.epoch)?;
        check_votes(desk, &membership, &self.votes, membership.quorum(), |member| {
            checkpoint(&membership, self.sequence, member, self.digest)
        })
    }
}

impl PreparedProof {
    /// Its view's primary ordered it, and 2f distinct backups prepared the same.
    pub(super) fn check(&self, desk: &mut Desk, epochs: &Epochs) -> Result<(), Refusal> {
        let membership = epochs.get(self.epoch)?;
        let scope = scope(&membership, self.view);
        let primary = primary(&membership, self.view);
        if self.prepares.iter().any(|vote| vote.member == primary) {
            return Err(Refusal::Certificate);
        }
        let order = pre_prepare(&scope, self.sequence, primary, self.digest);
        desk.verify_replica(&membership, primary, &order, &self.signature)?;
        let need = 2 * membership.faulty();
        check_votes(desk, &membership, &self.prepares, need, |member| {
            prepare(&scope, self.sequence, member, self.digest)
        })
    }
}
