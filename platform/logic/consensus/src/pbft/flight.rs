//! One request at the worker, from its signature to f+1 replies that match.

use std::sync::Arc;

use tally_model::{Instant, Outcome};

use super::by_member::ByMember;
use super::message::{Reply, Request};
use crate::certificate::{Ballot, Certificate, NO_COLLECTOR, Vote};
use crate::collect::leaves;
use crate::digest::Digest;
use crate::membership::Membership;
use crate::merkle::Tree;
use crate::mutant::{self, Mutant};
use crate::replica::Refusal;

/// Whether the answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Not yet.
    Waiting,
    /// f+1 replies match.
    Enough,
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) request: Request,
    pub(super) resend: Instant,
    digests: Arc<[Digest]>,
    /// With the tree over the outcomes, which members who say the same share.
    replies: ByMember<(u64, Arc<Tree>, Reply)>,
}

/// A request that was answered.
#[derive(Debug)]
pub(super) struct Landed {
    /// Per job.
    pub(super) results: Vec<(Outcome, Vec<u8>)>,
    /// Whose replies are in the certificate.
    pub(super) members: Vec<u8>,
    /// Who had replied otherwise.
    pub(super) dissenters: Vec<u8>,
}

/// f+1 replies that match: one of them is of an honest member.
fn needed(membership: &Membership) -> usize {
    if mutant::is(Mutant::AnyReply) {
        return 1;
    }
    usize::from(membership.weak_quorum())
}

impl Flight {
    pub(super) fn new(request: Request, digests: Arc<[Digest]>, resend: Instant) -> Self {
        Self {
            request,
            resend,
            digests,
            replies: ByMember::default(),
        }
    }

    /// Takes a reply to this request, the first one of its member whose signature holds.
    pub(super) fn hear(
        &mut self,
        membership: &Membership,
        reply: Reply,
        check: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<Heard, Refusal> {
        if self.replies.get(reply.member).is_some() {
            return Ok(Heard::Waiting);
        }
        if reply.outcomes.len() != self.digests.len() {
            return Err(Refusal::Outcomes);
        }
        let suite = membership.suite();
        // The tree over what somebody else said already is there.
        let alike = self
            .replies
            .iter()
            .find(|(_, (_, _, known))| known.outcomes == reply.outcomes);
        let tree = match alike {
            Some((_, (_, tree, _))) => tree.clone(),
            None => Arc::new(Tree::over(suite, leaves(suite, &self.digests, &reply.outcomes))),
        };
        let ballot = Ballot {
            sequence: reply.sequence,
            leaves: self.digests.len() as u16,
            root: tree.root(),
        };
        if !check(
            &ballot.executed(&membership.scope, reply.member),
            &reply.signature,
        ) {
            return Err(Refusal::Signature);
        }
        let said = (reply.sequence, tree.root());
        self.replies.insert(reply.member, (reply.sequence, tree, reply));
        let alike = self.matching(said).count();
        Ok(if alike >= needed(membership) {
            Heard::Enough
        } else {
            Heard::Waiting
        })
    }

    fn matching(&self, said: (u64, Digest)) -> impl Iterator<Item = (&Tree, &Reply)> {
        self.replies
            .iter()
            .filter(move |(_, (sequence, tree, _))| (*sequence, tree.root()) == said)
            .map(|(_, (_, tree, reply))| (&**tree, reply))
    }

    /// The answer of f+1 members, with one certificate per job; none if there is no such answer.
    pub(super) fn land(&self, membership: &Membership) -> Option<Landed> {
        let need = needed(membership);
        let said = self
            .replies
            .iter()
            .map(|(_, (sequence, tree, _))| (*sequence, tree.root()))
            .find(|said| self.matching(*said).count() >= need)?;
        let (tree, first) = self.matching(said).next()?;
        let votes: Vec<Vote> = self
            .matching(said)
            .map(|(_, reply)| Vote {
                member: reply.member,
                signature: reply.signature.clone(),
            })
            .collect();
        let results = tree
            .paths()
            .into_iter()
            .zip(self.digests.iter().zip(first.outcomes.iter()))
            .map(|(path, (job, outcome))| {
                let certificate = Certificate {
                    set: membership.set(),
                    epoch: membership.epoch(),
                    view: 0,
                    sequence: said.0,
                    leader: NO_COLLECTOR,
                    job: *job,
                    outcome: outcome.clone(),
                    path,
                    votes: votes.clone(),
                };
                (outcome.clone(), certificate.encode())
            })
            .collect();
        let members: Vec<u8> = votes.iter().map(|vote| vote.member).collect();
        let dissenters = self
            .replies
            .iter()
            .map(|(member, _)| member)
            .filter(|member| !members.contains(member))
            .collect();
        Some(Landed {
            results,
            members,
            dissenters,
        })
    }
}
