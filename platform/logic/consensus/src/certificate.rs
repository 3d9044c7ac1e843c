//! A result that convinces a third party: enough distinct members signed the batch it is part of.
//!
//! Enough is 2f+1 votes in `collect`, and f+1 signed replies in `pbft`, one of which is a correct member's.

use std::collections::BTreeSet;

use tally_model::{Epoch, Job, Outcome, Protocol, SetId, Suite};

use crate::Signature;
use crate::digest::{Digest, job_digest, leaf};
use crate::membership::Membership;
use crate::merkle::Path;
use crate::statement::{Kind, Scope, Statement};

mod codec;

pub use codec::{DecodeError, MAX_OUTCOME, MAX_SIGNATURE};

/// A member's signature over a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Index of the member.
    pub member: u8,
    /// Over the statement of the batch.
    pub signature: Signature,
}

/// The `leader` of a certificate that nobody collected: the kind of protocol, in the certificate and in its bytes.
pub const NO_COLLECTOR: u8 = u8::MAX;

/// The proof of one job's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The set that computed it.
    pub set: SetId,
    /// Its membership then.
    pub epoch: Epoch,
    /// The view; 0 in `collect`.
    pub view: u32,
    /// The leader's number of the batch.
    pub sequence: u64,
    /// Index of the leader that collected; [`NO_COLLECTOR`] in `pbft`, whose replies go to the client directly.
    pub leader: u8,
    /// Digest of the job.
    pub job: Digest,
    /// What came out.
    pub outcome: Outcome,
    /// From (job, outcome) to the root that was signed.
    pub path: Path,
    /// The signatures, by member.
    pub votes: Vec<Vote>,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Not the bytes of a certificate.
    Malformed,
    /// Of a set nobody knows here.
    UnknownSet,
    /// Of another set.
    OtherSet,
    /// Of an epoch that is not the membership's, or too long ago to be known.
    OtherEpoch,
    /// Names a leader or view that the epoch does not have.
    OtherLeader,
    /// Certifies another job.
    OtherJob,
    /// Certifies another outcome than the one claimed.
    OtherOutcome,
    /// Its path does not fit its index.
    Path,
    /// Signed by somebody who is no member.
    NotAMember(u8),
    /// One member counted twice.
    DuplicateVote(u8),
    /// A signature that is not of this member over this batch.
    Signature(u8),
    /// Fewer than 2f+1 votes that count.
    TooFewVotes {
        /// Votes that count.
        have: u8,
        /// 2f+1.
        need: u8,
    },
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed => f.write_str("not the bytes of a certificate"),
            Self::UnknownSet => f.write_str("certificate of an unknown set"),
            Self::OtherSet => f.write_str("certificate of another set"),
            Self::OtherEpoch => f.write_str("certificate of another or forgotten epoch"),
            Self::OtherLeader => f.write_str("certificate of another leader or view"),
            Self::OtherJob => f.write_str("certificate of another job"),
            Self::OtherOutcome => f.write_str("certificate of another outcome"),
            Self::Path => f.write_str("certificate whose path does not fit"),
            Self::NotAMember(member) => write!(f, "vote of {member}, who is no member"),
            Self::DuplicateVote(member) => write!(f, "replica {member} counted twice"),
            Self::Signature(member) => write!(f, "signature of replica {member} does not hold"),
            Self::TooFewVotes { have, need } => write!(f, "{have} votes where {need} are needed"),
        }
    }
}

impl std::error::Error for Flaw {}

/// What a good certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The certified outcome.
    pub outcome: Outcome,
    /// Votes in it that count.
    pub votes: u8,
    /// n.
    pub members: u8,
}

impl Certificate {
    /// Checks everything: set, epoch, leader, job, path, distinct members, every signature, and that enough votes count
    /// ([`Membership::certifying`]).
    ///
    /// # Errors
    /// The first [`Flaw`].
    pub fn verify(&self, job: &Job, membership: &Membership) -> Result<Verified, Flaw> {
        self.verify_with(job, membership, |statement, vote, key| {
            key.verify(statement, &vote.signature)
        })
    }

    /// As [`Certificate::verify`], with another way to check one signature (a cache, a count).
    pub(crate) fn verify_with(
        &self,
        job: &Job,
        membership: &Membership,
        check: impl FnMut(&[u8], &Vote, &crate::PublicKey) -> bool,
    ) -> Result<Verified, Flaw> {
        let scope = membership.scope;
        if self.set != scope.set {
            return Err(Flaw::OtherSet);
        }
        if self.epoch != scope.epoch {
            return Err(Flaw::OtherEpoch);
        }
        let collector = match membership.protocol() {
            Protocol::Pbft | Protocol::Vote => NO_COLLECTOR,
            Protocol::Collect | Protocol::None => membership.leader(),
        };
        if self.view != scope.view || self.leader != collector {
            return Err(Flaw::OtherLeader);
        }
        if self.job != job_digest(scope.suite, job) {
            return Err(Flaw::OtherJob);
        }
        let root = self.root(scope.suite).ok_or(Flaw::Path)?;
        let votes = Ballot {
            sequence: self.sequence,
            leaves: self.path.leaves,
            root,
        }
        .verify(&self.votes, membership, check)?;
        Ok(Verified {
            outcome: self.outcome.clone(),
            votes,
            members: membership.size(),
        })
    }

    fn root(&self, suite: Suite) -> Option<Digest> {
        self.path.root(suite, leaf(suite, self.job, &self.outcome))
    }
}

/// What the members voted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ballot {
    pub(crate) sequence: u64,
    pub(crate) leaves: u16,
    pub(crate) root: Digest,
}

impl Ballot {
    /// The bytes `member` signs in `collect`.
    pub(crate) fn statement(&self, scope: &Scope, member: u8) -> Statement {
        scope.vote(self.sequence, member, self.leaves, self.root)
    }

    /// The bytes `member` signs in `pbft` and `vote`.
    pub(crate) fn executed(&self, scope: &Scope, member: u8) -> Statement {
        scope.result(Kind::Executed, self.sequence, member, self.leaves, self.root)
    }

    fn statement_in(&self, membership: &Membership, member: u8) -> Statement {
        match membership.protocol() {
            Protocol::Pbft | Protocol::Vote => self.executed(&membership.scope, member),
            Protocol::Collect | Protocol::None => self.statement(&membership.scope, member),
        }
    }

    /// How many votes count, if all hold and they are enough. Cheap checks come before signatures.
    pub(crate) fn verify(
        &self,
        votes: &[Vote],
        membership: &Membership,
        mut check: impl FnMut(&[u8], &Vote, &crate::PublicKey) -> bool,
    ) -> Result<u8, Flaw> {
        let mut seen = BTreeSet::new();
        for vote in votes {
            if membership.replica(vote.member).is_none() {
                return Err(Flaw::NotAMember(vote.member));
            }
            if !seen.insert(vote.member) {
                return Err(Flaw::DuplicateVote(vote.member));
            }
        }
        let need = membership.certifying();
        let have = seen.iter().filter(|member| membership.counts(**member)).count() as u8;
        if have < need {
            return Err(Flaw::TooFewVotes { have, need });
        }
        for vote in votes {
            let holds = membership
                .replica(vote.member)
                .is_some_and(|peer| check(&self.statement_in(membership, vote.member), vote, &peer.key));
            if !holds {
                return Err(Flaw::Signature(vote.member));
            }
        }
        Ok(have)
    }
}
