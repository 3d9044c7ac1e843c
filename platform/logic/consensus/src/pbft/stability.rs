//! Making checkpoints, and taking over states that others certified (OSDI'99, section 4.3).

use tally_model::Epoch;

use super::client_table::ClientId;
use super::execution::{Execution, state_digest};
use super::message::{Body, Checkpoint, CheckpointProof, State};
use super::replica::{FIRST, Replica, Standing};
use super::statement;
use crate::membership::Membership;
use crate::replica::{Outgoing, Refusal};

impl Replica {
    /// Epoch and place of the stable checkpoint.
    pub(super) fn stable_point(&self) -> (Epoch, u64) {
        self.checkpoints
            .stable
            .as_ref()
            .map_or((Epoch(0), 0), |proof| (proof.epoch, proof.sequence))
    }

    /// Whether a checkpoint is due at the last executed place. In an epoch after the first none is made before everything
    /// that earlier epochs decided is executed; that is what lets a learner vote above any checkpoint of its epoch.
    fn is_due(&self, membership: &Membership) -> bool {
        let done = self.executed();
        if self.mark == Some(done) {
            return true;
        }
        let open = membership.epoch() <= FIRST
            || self.mark.is_some_and(|mark| done >= mark)
            || self.stable_point().0 == membership.epoch();
        open && done > 0 && done.is_multiple_of(self.settings.interval)
    }

    /// CHECKPOINT, if one is due.
    pub(super) fn make_checkpoint(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        let sequence = self.executed();
        if !self.is_due(membership) {
            return;
        }
        let snapshot = self.execution.snapshot();
        let digest = state_digest(membership.suite(), &snapshot);
        self.checkpoints.snapshots.insert(sequence, (digest, snapshot));
        let mut vote = Checkpoint {
            sequence,
            member: self.me,
            digest,
            signature: Vec::new(),
        };
        if self.is_voter() && self.checkpoints.is_news(&vote, membership.epoch()) {
            let statement = statement::checkpoint(membership, sequence, self.me, digest);
            vote.signature = self.desk.sign(&statement);
            self.broadcast(membership, &Body::Checkpoint(vote.clone()), out);
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
        if !self.checkpoints.is_news(&vote, membership.epoch()) {
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

    fn prune(&mut self) {
        let mut needed = self.log.digests();
        needed.extend(self.recent.back().map(|done| done.digest));
        self.batches.retain(&needed);
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
        proof.check(&mut self.desk, &self.epochs)?;
        if snapshot.is_empty() || !lacks {
            self.adopt(proof);
            return Ok(());
        }
        if state_digest(membership.suite(), &snapshot) != proof.digest {
            return Err(Refusal::Certificate);
        }
        let restored = Execution::restore(&snapshot)
            .filter(|restored| restored.executed == proof.sequence && restored.executed >= self.executed())
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
        }
        self.prune();
        self.execute(membership, out);
        Ok(())
    }
}
