//! A follower computes for itself and signs what it found.

use std::collections::{BTreeMap, BTreeSet};

use tally_model::NodeId;

use super::{Desk, check_bounds, execute, leaves, wrap};
use crate::Signature;
use crate::certificate::Ballot;
use crate::membership::Membership;
use crate::merkle;
use crate::message::{Body, Commit, PrePrepare};
use crate::replica::{Outgoing, Refusal};

/// Sequence numbers remembered one by one; below them everything counts as used.
const REMEMBERED: usize = 1024;

/// One follower in one epoch.
#[derive(Debug)]
pub(super) struct Follower {
    index: u8,
    slots: BTreeMap<u8, Last>,
    used: BTreeSet<u64>,
    floor: u64,
}

/// The last batch of a slot and the vote it got, to be repeated but never changed.
#[derive(Debug)]
struct Last {
    timestamp: u64,
    sequence: u64,
    asked: Signature,
    ordered: Signature,
    commit: Commit,
}

impl Follower {
    pub(super) const fn new(index: u8) -> Self {
        Self {
            index,
            slots: BTreeMap::new(),
            used: BTreeSet::new(),
            floor: 0,
        }
    }

    pub(super) fn pre_prepare(
        &mut self,
        desk: &mut Desk,
        membership: &Membership,
        pre_prepare: PrePrepare,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let propose = &pre_prepare.propose;
        check_bounds(membership, propose)?;
        if pre_prepare.outcomes.len() != propose.items.len() {
            return Err(Refusal::OutOfBounds);
        }
        if let Some(last) = self.slots.get(&propose.slot)
            && last.repeats(&pre_prepare)?
        {
            out.push(send(membership, last.commit.clone()));
            return Ok(());
        }
        if pre_prepare.sequence <= self.floor || self.used.contains(&pre_prepare.sequence) {
            return Err(Refusal::Conflict);
        }
        let commit = self.vote(desk, membership, &pre_prepare)?;
        self.remember(pre_prepare, commit.clone());
        out.push(send(membership, commit));
        Ok(())
    }

    /// Checks both signatures, computes, and signs the own result.
    fn vote(
        &self,
        desk: &mut Desk,
        membership: &Membership,
        pre_prepare: &PrePrepare,
    ) -> Result<Commit, Refusal> {
        let suite = membership.suite();
        let digests = pre_prepare.propose.digests(suite);
        desk.verify_propose(membership, &pre_prepare.propose, &digests)?;
        let outcomes = execute(&pre_prepare.propose.items);
        let mine = Ballot {
            sequence: pre_prepare.sequence,
            leaves: digests.len() as u16,
            root: merkle::root(suite, leaves(suite, &digests, &outcomes)),
        };
        let agrees = outcomes == pre_prepare.outcomes;
        let theirs = if agrees {
            mine
        } else {
            Ballot {
                root: merkle::root(suite, leaves(suite, &digests, &pre_prepare.outcomes)),
                ..mine
            }
        };
        let leader = membership.leader();
        let statement = theirs.statement(&membership.scope, leader);
        desk.verify_replica(membership, leader, &statement, &pre_prepare.signature)?;
        Ok(Commit {
            sequence: mine.sequence,
            member: self.index,
            root: mine.root,
            outcomes: if agrees { Vec::new() } else { outcomes },
            signature: desk.sign(&mine.statement(&membership.scope, self.index)),
        })
    }

    fn remember(&mut self, pre_prepare: PrePrepare, commit: Commit) {
        self.used.insert(pre_prepare.sequence);
        while self.used.len() > REMEMBERED {
            self.floor = self.used.pop_first().unwrap_or(self.floor);
        }
        self.slots.insert(
            pre_prepare.propose.slot,
            Last {
                timestamp: pre_prepare.propose.timestamp,
                sequence: pre_prepare.sequence,
                asked: pre_prepare.propose.signature,
                ordered: pre_prepare.signature,
                commit,
            },
        );
    }
}

impl Last {
    /// True for the same again, false for something newer.
    fn repeats(&self, pre_prepare: &PrePrepare) -> Result<bool, Refusal> {
        let propose = &pre_prepare.propose;
        if propose.timestamp < self.timestamp {
            return Err(Refusal::Stale);
        }
        if propose.timestamp > self.timestamp {
            return Ok(false);
        }
        let same = pre_prepare.sequence == self.sequence
            && propose.signature == self.asked
            && pre_prepare.signature == self.ordered;
        if same { Ok(true) } else { Err(Refusal::Conflict) }
    }
}

fn send(membership: &Membership, commit: Commit) -> Outgoing {
    Outgoing {
        to: NodeId::Replica(membership.set(), membership.leader()),
        message: wrap(membership, Body::Commit(commit)),
    }
}
