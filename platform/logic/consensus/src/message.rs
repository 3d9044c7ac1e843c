//! What the members of a set say to each other, all of it signed.
//!
//! | report (M20-M24, M59-M66) | message | from, to |
//! |---|---|---|
//! | (b) "sends it to Replica leader" | [`Propose`] | worker, leader |
//! | (i) pre-prepare and (ii) prepare with the leader's result | [`PrePrepare`], one signature for both | leader, followers |
//! | (iii) "Quorum Certificate message (Commit)", which is a vote (C6) | [`Commit`] | follower, leader |
//! | (iv), (v) "R_L replies back" | [`Reply`] with 2f+1 votes | leader, worker |
//! | (d) "R_L informs" when 2f+1 are not reached | [`NoQuorum`] | leader, worker |
//! | (none) who stopped voting, so that a masked fault is repaired | [`Health`] | leader, worker |

use tally_model::{Epoch, Job, Outcome, SetId};

use crate::Signature;
use crate::certificate::Vote;
use crate::digest::{Digest, Domain, digest, job_digest};
use crate::statement::{Kind, Scope, Statement};
use tally_model::{NodeId, Suite};

/// Most jobs in one batch.
pub const MAX_BATCH: usize = 64;

/// A message between members of one set in one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which set.
    pub set: SetId,
    /// Which epoch; other epochs' messages are dropped.
    pub epoch: Epoch,
    /// Which view; 0 in `collect`, and in messages of `pbft` that are of no view.
    pub view: u32,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// See [`Propose`].
    Propose(Propose),
    /// See [`PrePrepare`].
    PrePrepare(PrePrepare),
    /// See [`Commit`].
    Commit(Commit),
    /// See [`Reply`].
    Reply(Reply),
    /// See [`NoQuorum`].
    NoQuorum(NoQuorum),
    /// See [`Health`].
    Health(Health),
    /// Everything of `pbft`.
    Pbft(Box<crate::pbft::Body>),
}

/// One job of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What to compute.
    pub job: Job,
    /// Which draw of the service-time model it gets, for replicas that repeat the service time.
    pub work_key: u64,
}

impl Item {
    /// Bytes of its operands.
    pub(crate) const fn bytes(&self) -> usize {
        self.job.left.len() + self.job.right.len()
    }
}

/// The worker asks for a batch. A worker is several clients, one per slot; each has one batch outstanding and its
/// timestamps grow, which is what lets replicas tell a repetition from something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propose {
    /// Which client of the worker.
    pub slot: u8,
    /// Grows with every batch of the slot.
    pub timestamp: u64,
    /// 1 to [`MAX_BATCH`] jobs.
    pub items: Vec<Item>,
    /// The worker's.
    pub signature: Signature,
}

/// The leader orders a batch and states its own result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrePrepare {
    /// The leader's number of the batch, from 1 in every epoch.
    pub sequence: u64,
    /// What the worker asked for, with the worker's signature.
    pub propose: Propose,
    /// The leader's outcomes, one per item. Followers compute for themselves.
    pub outcomes: Vec<Outcome>,
    /// The leader's vote on its own outcomes.
    pub signature: Signature,
}

/// A follower's vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Which batch.
    pub sequence: u64,
    /// Who votes.
    pub member: u8,
    /// Root over (job digest, outcome) of the batch.
    pub root: Digest,
    /// The follower's outcomes, only if they differ from the leader's.
    pub outcomes: Vec<Outcome>,
    /// The follower's.
    pub signature: Signature,
}

/// A certified batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// From the proposal.
    pub slot: u8,
    /// From the proposal.
    pub timestamp: u64,
    /// The leader's number of the batch.
    pub sequence: u64,
    /// One per item.
    pub outcomes: Vec<Outcome>,
    /// 2f+1 matching votes.
    pub votes: Vec<Vote>,
    /// The leader's.
    pub signature: Signature,
}

/// A batch that could not be certified in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoQuorum {
    /// From the proposal.
    pub slot: u8,
    /// From the proposal.
    pub timestamp: u64,
    /// The leader's number of the batch.
    pub sequence: u64,
    /// Members without a matching vote.
    pub missing: Vec<u8>,
    /// The leader's.
    pub signature: Signature,
}

/// Who votes. Sent when a member fell silent, and when all members voted for the first time or again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Grows with every statement of health in an epoch.
    pub number: u64,
    /// Members that owe votes for longer than the quorum timeout; empty: every member voted on one batch.
    pub silent: Vec<u8>,
    /// The leader's.
    pub signature: Signature,
}

impl Propose {
    /// The job digests of the batch, which become the leaves once outcomes are known.
    pub(crate) fn digests(&self, suite: Suite) -> Vec<Digest> {
        self.items
            .iter()
            .map(|item| job_digest(suite, &item.job))
            .collect()
    }

    pub(crate) fn statement(&self, scope: &Scope, digests: &[Digest]) -> Statement {
        let keys: Vec<[u8; 8]> = self
            .items
            .iter()
            .map(|item| item.work_key.to_be_bytes())
            .collect();
        let parts: Vec<&[u8]> = digests
            .iter()
            .map(|digest| &digest.0[..])
            .chain(keys.iter().map(|key| &key[..]))
            .collect();
        let batch = digest(scope.suite, Domain::Batch, &parts);
        let body = [&[self.slot][..], &self.timestamp.to_be_bytes(), &batch.0].concat();
        scope.statement(Kind::Propose, 0, NodeId::Worker(scope.set), &body)
    }
}

impl Reply {
    pub(crate) fn statement(&self, scope: &Scope, leader: u8) -> Statement {
        let texts: Vec<Vec<u8>> = self.outcomes.iter().map(Outcome::canonical).collect();
        let members: Vec<[u8; 1]> = self.votes.iter().map(|vote| [vote.member]).collect();
        let mut parts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        for (member, vote) in members.iter().zip(&self.votes) {
            parts.push(member);
            parts.push(&vote.signature);
        }
        let content = digest(scope.suite, Domain::Reply, &parts);
        let body = [
            &[self.slot][..],
            &self.timestamp.to_be_bytes(),
            &(texts.len() as u16).to_be_bytes(),
            &content.0,
        ]
        .concat();
        scope.statement(
            Kind::Reply,
            self.sequence,
            NodeId::Replica(scope.set, leader),
            &body,
        )
    }
}

impl NoQuorum {
    pub(crate) fn statement(&self, scope: &Scope, leader: u8) -> Statement {
        let body = [&[self.slot][..], &self.timestamp.to_be_bytes(), &self.missing].concat();
        scope.statement(
            Kind::NoQuorum,
            self.sequence,
            NodeId::Replica(scope.set, leader),
            &body,
        )
    }
}

impl Health {
    pub(crate) fn statement(&self, scope: &Scope, leader: u8) -> Statement {
        scope.statement(
            Kind::Health,
            self.number,
            NodeId::Replica(scope.set, leader),
            &self.silent,
        )
    }
}
