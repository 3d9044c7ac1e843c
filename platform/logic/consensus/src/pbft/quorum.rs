//! Certificates between replicas, and how a third replica checks them.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::message::{CheckpointProof, PreparedProof};
use super::statement::{checkpoint, pre_prepare, prepare, scope};
use crate::certificate::Vote;
use crate::membership::Membership;
use crate::mutant::{self, Mutant};
use crate::replica::Refusal;
use crate::statement::Statement;

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
    statement: impl Fn(u8) -> Statement,
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
    pub(super) fn check(&self, desk: &mut Desk, membership: &Membership) -> Result<(), Refusal> {
        if self.epoch != membership.epoch() {
            return Err(Refusal::OtherEpoch);
        }
        check_votes(desk, membership, &self.votes, membership.quorum(), |member| {
            checkpoint(membership, self.sequence, member, self.digest)
        })
    }
}

impl PreparedProof {
    /// Its view's primary ordered it, and 2f distinct backups prepared the same.
    pub(super) fn check(&self, desk: &mut Desk, membership: &Membership) -> Result<(), Refusal> {
        if self.epoch != membership.epoch() {
            return Err(Refusal::OtherEpoch);
        }
        let scope = scope(membership, self.view);
        let primary = primary(membership, self.view);
        if self.prepares.iter().any(|vote| vote.member == primary) {
            return Err(Refusal::Certificate);
        }
        let order = pre_prepare(&scope, self.sequence, primary, self.digest);
        desk.verify_replica(membership, primary, &order, &self.signature)?;
        let need = 2 * membership.faulty();
        check_votes(desk, membership, &self.prepares, need, |member| {
            prepare(&scope, self.sequence, member, self.digest)
        })
    }
}

/// 2f PREPAREs of backups stand beside the primary's PRE-PREPARE.
pub(super) fn prepares_needed(membership: &Membership) -> u8 {
    if mutant::is(Mutant::CommitUnprepared) {
        return 0;
    }
    2 * membership.faulty() - u8::from(mutant::is(Mutant::PrimaryPrepares))
}

/// 2f+1 COMMITs decide.
pub(super) fn commits_needed(membership: &Membership) -> usize {
    if mutant::is(Mutant::DecideEarly) {
        return usize::from(membership.weak_quorum());
    }
    usize::from(membership.quorum())
}
