//! One batch at the worker, from its proposal to its certificate.

use tally_model::{Instant, Outcome};

use crate::certificate::{Ballot, Certificate, Flaw, Vote};
use crate::digest::Digest;
use crate::membership::Membership;
use crate::merkle::Tree;
use crate::message::{Propose, Reply};

use super::leaves;

/// A batch that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) propose: Propose,
    pub(super) digests: Vec<Digest>,
    pub(super) proposed: Instant,
    /// When to send it again.
    pub(super) resend: Instant,
    /// When to blame the leader if it has said nothing; none once it was blamed.
    pub(super) blame: Option<Instant>,
}

/// A batch that was certified.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) votes: u8,
}

impl Flight {
    /// Checks the reply's votes, once for the whole batch, and makes one certificate per job.
    pub(super) fn land(
        &self,
        reply: Reply,
        membership: &Membership,
        check: impl FnMut(&[u8], &Vote, &crate::PublicKey) -> bool,
    ) -> Result<Landed, Flaw> {
        if reply.outcomes.len() != self.digests.len() {
            return Err(Flaw::Malformed);
        }
        let suite = membership.suite();
        let tree = Tree::over(suite, leaves(suite, &self.digests, &reply.outcomes));
        let ballot = Ballot {
            sequence: reply.sequence,
            leaves: self.digests.len() as u16,
            root: tree.root(),
        };
        let votes = ballot.verify(&reply.votes, membership, check)?;
        let certificates = tree
            .paths()
            .into_iter()
            .zip(self.digests.iter().zip(&reply.outcomes))
            .map(|(path, (job, outcome))| {
                Certificate {
                    set: membership.set(),
                    epoch: membership.epoch(),
                    view: membership.scope.view,
                    sequence: reply.sequence,
                    leader: membership.leader(),
                    job: *job,
                    outcome: outcome.clone(),
                    path,
                    votes: reply.votes.clone(),
                }
                .encode()
            })
            .collect();
        Ok(Landed {
            outcomes: reply.outcomes,
            certificates,
            votes,
        })
    }
}
