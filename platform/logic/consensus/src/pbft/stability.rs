//! Making checkpoints, and taking over states that others certified (OSDI'99, section 4.3).

use super::client_table::ClientId;
use super::execution::{Execution, state_digest};
use super::message::{Body, Checkpoint, CheckpointProof, State};
use super::replica::{Replica, Standing};
use super::statement;
use crate::Signature;
use crate::membership::Membership;
use crate::replica::{Outgoing, Refusal};

impl Replica {
    /// Place of the stable checkpoint, 0 before the first of the epoch.
    pub(super) fn stable_point(&self) -> u64 {
        self.checkpoints.stable.as_ref().map_or(0, |proof| proof.sequence)
    }

    /// Whether a checkpoint is due at the last executed place: every K places, and where an epoch ends and the next begins.
    const fn is_due(&self) -> bool {
        let done = self.executed();
        done > 0 && (done.is_multiple_of(self.settings.interval) || done == self.execution.base)
    }

    /// CHECKPOINT, if one is due.
    pub(super) fn make_checkpoint(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        let sequence = self.executed();
        if !self.is_due() {
            return;
        }
        let snapshot = self.execution.snapshot();
        let digest = state_digest(membership.suite(), &snapshot);
        self.checkpoints.snapshots.insert(sequence, (digest, snapshot));
        let mut vote = Checkpoint {
            sequence,
            member: self.me,
            digest,
            signature: Signature::new(),
        };
        if self.is_voter() && self.checkpoints.is_news(&vote) {
            let statement = statement::checkpoint(membership, sequence, self.me, digest);
            vote.signature = self.desk.sign(&statement);
            self.broadcast(membership, Body::Checkpoint(vote.clone()), out);
            let proof = self
                .checkpoints
                .record(vote, membership.epoch(), membership.quorum());
            if let Some(proof) = proof {
                self.adopt(proof);
            }
        }
        if let Some(ahead) = self.checkpoints.ahead.clone()
            && ahead.sequence == sequence
        {
            self.adopt(ahead);
        }
    }

    /// CHECKPOINT of another member.
    pub(super) fn checkpoint(&mut self, membership: &Membership, vote: Checkpoint) -> Result<(), Refusal> {
        if vote.member == self.me {
            return Err(Refusal::Misdirected);
        }
        if !self.checkpoints.is_news(&vote) {
            return Ok(());
        }
        let statement = statement::checkpoint(membership, vote.sequence, vote.member, vote.digest);
        self.desk
            .verify_replica(membership, vote.member, &statement, &vote.signature)?;
        let proof = self
            .checkpoints
            .record(vote, membership.epoch(), membership.quorum());
        if let Some(proof) = proof {
            self.adopt(proof);
        }
        Ok(())
    }

    /// Takes a proof that was checked: the log before it goes, if this member is that far; else its state is missing here.
    pub(super) fn adopt(&mut self, proof: CheckpointProof) {
        if !self.checkpoints.is_newer(&proof) {
            return;
        }
        if self.executed() < proof.sequence {
            let further =
                |ahead: &CheckpointProof| (ahead.sequence, ahead.epoch) < (proof.sequence, proof.epoch);
            if self.checkpoints.ahead.as_ref().is_none_or(further) {
                self.checkpoints.ahead = Some(proof);
            }
            return;
        }
        let own = self.checkpoints.snapshots.get(&proof.sequence);
        if own.is_some_and(|(digest, _)| *digest != proof.digest) {
            return;
        }
        self.log.advance(proof.sequence);
        self.checkpoints.stabilise(proof);
        self.prune();
    }

    pub(super) fn prune(&mut self) {
        let mut needed = self.log.digests();
        needed.extend(self.recent.back().map(|done| done.digest));
        self.batches.retain(needed);
    }

    /// STATE: a proof, and the state it proves if this member lacks it.
    pub(super) fn install(
        &mut self,
        membership: &Membership,
        state: State,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let State { proof, snapshot } = state;
        let learns = self.standing == Standing::Learner && proof.epoch == membership.epoch();
        let lacks = self.executed() < proof.sequence || learns;
        if !lacks && !self.checkpoints.is_newer(&proof) {
            return Err(Refusal::Stale);
        }
        proof.check(&mut self.desk, membership)?;
        if snapshot.is_empty() || !lacks {
            self.adopt(proof);
            return Ok(());
        }
        if state_digest(membership.suite(), &snapshot) != proof.digest {
            return Err(Refusal::Certificate);
        }
        let restored = Execution::restore(&snapshot)
            .filter(|restored| restored.executed == proof.sequence && restored.executed >= self.executed())
            .filter(|restored| restored.epoch >= membership.epoch() && restored.base <= restored.executed)
            .ok_or(Refusal::Certificate)?;
        self.execution = restored;
        self.recent.clear();
        self.timer.progress();
        let waiting: Vec<(ClientId, u64)> = self
            .pending
            .iter()
            .map(|request| (request.client(), request.timestamp))
            .collect();
        for (client, timestamp) in waiting {
            if let Some(last) = self.execution.table.last(client)
                && last.timestamp >= timestamp
            {
                self.pending.done(client, last.timestamp);
                self.reply(membership, client, out);
            }
        }
        self.log.advance(proof.sequence);
        let digest = proof.digest;
        self.checkpoints
            .snapshots
            .insert(proof.sequence, (digest, snapshot));
        self.checkpoints.stabilise(proof);
        if learns {
            self.standing = Standing::Voter;
            self.base = self.execution.base;
            self.view = self.view.max(self.execution.first_view);
        }
        self.prune();
        self.execute(membership, out);
        Ok(())
    }
}
