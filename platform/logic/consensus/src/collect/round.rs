//! One batch at the leader, from its proposal to its last vote.

use std::collections::BTreeMap;

use tally_model::{Instant, Outcome};

use crate::Signature;
use crate::certificate::{Ballot, Vote};
use crate::digest::Digest;
use crate::membership::Membership;
use crate::message::{Commit, PrePrepare, Reply};

/// Where a round is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Fewer than 2f+1 matching votes; reported as missing at the deadline.
    Collecting {
        /// When to give up.
        until: Instant,
    },
    /// Answered; late votes still count as a sign of life.
    Certified(Box<Reply>),
    /// Reported as missing; collects again if the worker asks again.
    Failed,
}

/// A batch. What is heavy is dropped once it is only kept for late votes.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) ballot: Ballot,
    pub(super) phase: Phase,
    pub(super) order: Option<Box<PrePrepare>>,
    pub(super) digests: Vec<Digest>,
    pub(super) resend: Option<Instant>,
    pub(super) resent: u32,
    votes: BTreeMap<u8, (Digest, Signature)>,
    dissent: BTreeMap<Digest, Vec<Outcome>>,
}

/// A vote that could be put into the ballot box.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nobody had voted so.
    New,
    /// The same again.
    Repeated,
    /// The member had voted for something else.
    Different,
}

impl Round {
    pub(super) fn new(ballot: Ballot, order: PrePrepare, digests: Vec<Digest>) -> Self {
        Self {
            ballot,
            phase: Phase::Failed,
            order: Some(Box::new(order)),
            digests,
            resend: None,
            resent: 0,
            votes: BTreeMap::new(),
            dissent: BTreeMap::new(),
        }
    }

    /// Forgets what only a repetition needs.
    pub(super) fn lighten(&mut self) {
        self.order = None;
        self.digests = Vec::new();
        self.dissent.clear();
        self.resend = None;
        if let Phase::Certified(reply) = &mut self.phase {
            reply.outcomes = Vec::new();
        }
    }

    pub(super) fn seen(&self, commit: &Commit) -> Seen {
        match self.votes.get(&commit.member) {
            None => Seen::New,
            Some((root, _)) if *root == commit.root => Seen::Repeated,
            Some(_) => Seen::Different,
        }
    }

    /// Records a vote whose signature was checked, the first one of its member.
    pub(super) fn record(&mut self, member: u8, root: Digest, signature: Signature, outcomes: Vec<Outcome>) {
        self.votes.entry(member).or_insert((root, signature));
        if root != self.ballot.root && self.order.is_some() {
            self.dissent.entry(root).or_insert(outcomes);
        }
    }

    pub(super) fn has_vote(&self, member: u8) -> bool {
        self.votes.contains_key(&member)
    }

    /// Whether every replica, up or not, voted for the same.
    pub(super) fn is_unanimous(&self, membership: &Membership) -> bool {
        self.votes.len() == usize::from(membership.size())
            && self.votes.values().all(|(root, _)| *root == self.ballot.root)
    }

    /// Outcomes and votes of a result that 2f+1 counting members signed, if there is one.
    pub(super) fn quorum(&self, membership: &Membership) -> Option<(Vec<Outcome>, Vec<Vote>)> {
        let root = self.leading_root(membership);
        let votes: Vec<Vote> = self
            .votes
            .iter()
            .filter(|(member, vote)| vote.0 == root && membership.counts(**member))
            .map(|(member, vote)| Vote {
                member: *member,
                signature: vote.1.clone(),
            })
            .take(usize::from(membership.quorum()))
            .collect();
        if votes.len() < usize::from(membership.quorum()) {
            return None;
        }
        let outcomes = if root == self.ballot.root {
            self.order.as_ref()?.outcomes.clone()
        } else {
            self.dissent.get(&root)?.clone()
        };
        Some((outcomes, votes))
    }

    /// Members whose vote is not among those for the leading result.
    pub(super) fn missing(&self, membership: &Membership) -> Vec<u8> {
        let root = self.leading_root(membership);
        (0..membership.size())
            .filter(|member| self.votes.get(member).is_none_or(|vote| vote.0 != root))
            .collect()
    }

    /// The result with the most votes; the leader's own if there is a tie.
    fn leading_root(&self, membership: &Membership) -> Digest {
        let mut counts: BTreeMap<Digest, usize> = BTreeMap::new();
        for (member, (root, _)) in &self.votes {
            *counts.entry(*root).or_default() += usize::from(membership.counts(*member));
        }
        counts
            .into_iter()
            .max_by_key(|(root, count)| (*count, *root == self.ballot.root))
            .map_or(self.ballot.root, |(root, _)| root)
    }
}
