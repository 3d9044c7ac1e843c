//! The report's protocol: the leader collects signed votes and answers the worker (section 3.3).
//!
//! It is not PBFT (C7): followers do not talk to each other and there are no views. What makes it safe is that 2f+1 members
//! sign (job, outcome) and that worker and scheduler check those signatures: a leader can withhold an answer or blame
//! others, it cannot forge one. A leader that lies or is silent is replaced from outside, in a new epoch.

use std::time::Duration;

use tally_expression::compute;
use tally_model::{Deadline, Epoch, Instant, NodeId, Outcome, SetRecord, Suite};

use crate::Signature;
use crate::digest::{Digest, leaf};
use crate::membership::{Membership, MembershipError};
use crate::message::{Body, Item, MAX_BATCH, Message, Propose};
use crate::mutant::{self, Mutant};
use crate::replica::{Effort, Outgoing, Refusal, Refusals, Replica, Seat};

mod client;
mod early;
mod flight;
mod follower;
mod health;
mod leader;
mod patience;
mod round;

pub(crate) use client::CollectClient;
pub(crate) use early::Early;
use follower::Follower;
use leader::Leader;

/// Batches a worker may have outstanding; jobs that come meanwhile wait and share the next batch.
pub(crate) const SLOTS: u8 = 2;
/// Parts of the quorum timeout after which an unanswered message is sent again.
const RESENDS: u32 = 4;

/// How long to wait before sending again.
fn resend_after(quorum_timeout: Duration) -> Duration {
    quorum_timeout / RESENDS
}

/// How long a leader collects votes for a worker that waits so long.
fn collecting(timeout: Duration) -> Duration {
    timeout * 3 / 4
}

/// A replica of a `collect` set.
#[derive(Debug)]
pub(crate) struct CollectReplica {
    desk: Desk,
    index: u8,
    membership: Option<Membership>,
    duty: Duty,
    early: Early,
    refused: Refusals,
}

/// What the replica does in its epoch.
#[derive(Debug)]
enum Duty {
    /// Not a member.
    None,
    Lead(Box<Leader>),
    Follow(Follower),
}

/// Keys at work, counted.
#[derive(Debug)]
struct Desk {
    seat: Seat,
    effort: Effort,
}

impl Desk {
    fn sign(&mut self, statement: &[u8]) -> Signature {
        self.effort.signed += 1;
        self.seat.keys.sign(statement)
    }

    fn verify(&mut self, key: &crate::PublicKey, statement: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        self.effort.verified += 1;
        if key.verify(statement, signature) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    fn verify_replica(
        &mut self,
        membership: &Membership,
        member: u8,
        statement: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let peer = membership.replica(member).ok_or(Refusal::NotAMember)?;
        self.verify(&peer.key, statement, signature)
    }

    fn verify_propose(
        &mut self,
        membership: &Membership,
        propose: &Propose,
        digests: &[Digest],
    ) -> Result<(), Refusal> {
        let worker = membership.worker().ok_or(Refusal::NotAMember)?;
        self.verify(
            &worker.key,
            &propose.statement(&membership.scope, digests),
            &propose.signature,
        )
    }
}

/// Wraps a body for this membership.
fn wrap(membership: &Membership, body: Body) -> Message {
    Message {
        set: membership.set(),
        epoch: membership.epoch(),
        view: membership.scope.view,
        body,
    }
}

/// Whether a proposal keeps its bounds.
fn check_bounds(membership: &Membership, propose: &Propose) -> Result<(), Refusal> {
    if propose.slot >= SLOTS || propose.items.is_empty() || propose.items.len() > MAX_BATCH {
        return Err(Refusal::OutOfBounds);
    }
    let operation = membership.set().operation;
    if propose.items.iter().any(|item| item.job.operation != operation) {
        return Err(Refusal::OtherOperation);
    }
    Ok(())
}

/// Computes a batch independently of anybody else.
pub(crate) fn execute(items: &[Item]) -> Vec<Outcome> {
    if mutant::is(Mutant::WrongValue) {
        return items.iter().map(|_| Outcome::Value("1".to_owned())).collect();
    }
    items.iter().map(|Item { job, .. }| compute(job)).collect()
}

/// The leaves that stand for a batch with these outcomes.
pub(crate) fn leaves(suite: Suite, digests: &[Digest], outcomes: &[Outcome]) -> Vec<Digest> {
    digests
        .iter()
        .zip(outcomes)
        .map(|(digest, outcome)| leaf(suite, *digest, outcome))
        .collect()
}

impl CollectReplica {
    pub(crate) fn new(seat: Seat) -> Self {
        let index = match seat.node {
            NodeId::Replica(_, index) => index,
            NodeId::Control | NodeId::Worker(_) => u8::MAX,
        };
        Self {
            desk: Desk {
                seat,
                effort: Effort::default(),
            },
            index,
            membership: None,
            duty: Duty::None,
            early: Early::default(),
            refused: Refusals::new(),
        }
    }

    fn take(&mut self, now: Instant, message: Message, out: &mut Vec<Outgoing>) -> Result<(), Refusal> {
        let membership = self.membership.as_ref().ok_or(Refusal::Unconfigured)?;
        if message.view != membership.scope.view {
            return Err(Refusal::OtherView);
        }
        match (&mut self.duty, message.body) {
            (Duty::None, _) => Err(Refusal::NotAMember),
            (Duty::Lead(leader), Body::Propose(propose)) => {
                leader.propose(&mut self.desk, membership, now, propose, out)
            }
            (Duty::Lead(leader), Body::Commit(commit)) => {
                leader.commit(&mut self.desk, membership, now, commit, out)
            }
            (Duty::Follow(follower), Body::PrePrepare(pre_prepare)) => {
                follower.pre_prepare(&mut self.desk, membership, pre_prepare, out)
            }
            (Duty::Lead(_) | Duty::Follow(_), _) => Err(Refusal::Misdirected),
        }
    }

    /// What this replica does in `membership`; nothing if its place is not its own any more.
    fn duty_in(&self, membership: &Membership) -> Duty {
        match membership.replica(self.index) {
            Some(peer)
                if peer.incarnation == self.desk.seat.incarnation
                    && &peer.key == self.desk.seat.keys.public_key() => {}
            _ => return Duty::None,
        }
        if membership.leader() == self.index {
            Duty::Lead(Box::new(Leader::new(
                self.index,
                self.desk.seat.config.timing.quorum_timeout,
            )))
        } else {
            Duty::Follow(Follower::new(self.index))
        }
    }
}

/// Whether `record` is news after `known`; the same epoch again is news only if members came up meanwhile.
pub(crate) fn is_news(known: Option<&Membership>, record_epoch: Epoch, fresh: &Membership) -> bool {
    known
        .is_none_or(|known| record_epoch > known.epoch() || (record_epoch == known.epoch() && fresh != known))
}

impl Replica for CollectReplica {
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), MembershipError> {
        if self.desk.seat.node.set() != Some(record.id) {
            return Ok(());
        }
        let fresh = Membership::from_record(record, self.desk.seat.cluster, &self.desk.seat.config)?;
        if !is_news(self.membership.as_ref(), record.epoch, &fresh) {
            return Ok(());
        }
        let duty = self.duty_in(&fresh);
        let same = self
            .membership
            .as_ref()
            .is_some_and(|known| known.epoch() == fresh.epoch());
        // Within an epoch votes are never forgotten: whoever forgets votes twice.
        if !same || std::mem::discriminant(&duty) != std::mem::discriminant(&self.duty) {
            self.duty = duty;
        }
        let epoch = fresh.epoch();
        self.membership = Some(fresh);
        for (from, message) in self.early.release(epoch) {
            self.handle(now, from, message, out);
        }
        Ok(())
    }

    fn handle(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<Outgoing>) {
        let known = self.membership.as_ref().map(Membership::epoch);
        let result = if Some(message.set) != self.desk.seat.node.set() {
            Err(Refusal::OtherSet)
        } else if known.is_none_or(|known| message.epoch > known) {
            self.early.keep(from, message)
        } else if known.is_some_and(|known| message.epoch < known) {
            Err(Refusal::OtherEpoch)
        } else {
            self.take(now, message, out)
        };
        if let Err(refusal) = result {
            *self.refused.entry(refusal).or_default() += 1;
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Outgoing>) {
        if let (Duty::Lead(leader), Some(membership)) = (&mut self.duty, &self.membership) {
            leader.wake(&mut self.desk, membership, now, out);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        match &self.duty {
            Duty::Lead(leader) => leader.deadline(),
            Duty::None | Duty::Follow(_) => None,
        }
    }

    fn effort(&self) -> Effort {
        self.desk.effort
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}
