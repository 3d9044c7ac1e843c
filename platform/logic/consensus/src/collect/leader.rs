//! The leader orders batches, votes first, collects, and answers as soon as 2f+1 votes match.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_model::{Deadline, Instant, NodeId};

use super::health::Pulse;
use super::round::{Phase, Round, Seen};
use super::{Desk, RESENDS, check_bounds, collecting, execute, leaves, resend_after, wrap};
use crate::Signature;
use crate::certificate::Ballot;
use crate::membership::Membership;
use crate::merkle;
use crate::message::{Body, Commit, Health, NoQuorum, PrePrepare, Propose, Reply};
use crate::replica::{Outgoing, Refusal};

/// Batches kept whole for members that are slow.
const WHOLE: usize = 16;
/// Batches kept at all, so that late votes can be told from forged ones.
const KEPT: usize = 256;

/// One leader in one epoch.
#[derive(Debug)]
pub(super) struct Leader {
    index: u8,
    quorum_timeout: Duration,
    last: u64,
    /// Slot to (timestamp, sequence) of its last batch.
    slots: BTreeMap<u8, (u64, u64)>,
    rounds: BTreeMap<u64, Round>,
    pulse: Pulse,
}

impl Leader {
    pub(super) const fn new(index: u8, quorum_timeout: Duration) -> Self {
        Self {
            index,
            quorum_timeout,
            last: 0,
            slots: BTreeMap::new(),
            rounds: BTreeMap::new(),
            pulse: Pulse::new(quorum_timeout),
        }
    }

    /// How long votes are collected: less than the worker waits, so that it hears who is missing before it blames the leader.
    fn patience(&self) -> Duration {
        collecting(self.quorum_timeout)
    }

    pub(super) fn propose(
        &mut self,
        desk: &mut Desk,
        membership: &Membership,
        now: Instant,
        propose: Propose,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        check_bounds(membership, &propose)?;
        if let Some((timestamp, sequence)) = self.slots.get(&propose.slot).copied() {
            if propose.timestamp < timestamp {
                return Err(Refusal::Stale);
            }
            if propose.timestamp == timestamp {
                return self.repeat(membership, now, &propose, sequence, out);
            }
        }
        let digests = propose.digests(membership.suite());
        desk.verify_propose(membership, &propose, &digests)?;
        self.last += 1;
        let sequence = self.last;
        self.slots.insert(propose.slot, (propose.timestamp, sequence));
        let round = self.order(desk, membership, now, propose, digests, out);
        self.rounds.insert(sequence, round);
        self.settle(desk, membership, sequence, out);
        self.prune();
        Ok(())
    }

    /// Computes, votes, and sends the order to every follower.
    fn order(
        &mut self,
        desk: &mut Desk,
        membership: &Membership,
        now: Instant,
        propose: Propose,
        digests: Vec<crate::Digest>,
        out: &mut Vec<Outgoing>,
    ) -> Round {
        let suite = membership.suite();
        let outcomes = execute(&propose.items);
        let ballot = Ballot {
            sequence: self.last,
            leaves: digests.len() as u16,
            root: merkle::root(suite, leaves(suite, &digests, &outcomes)),
        };
        let signature = desk.sign(&ballot.statement(&membership.scope, self.index));
        let order = PrePrepare {
            sequence: self.last,
            propose,
            outcomes,
            signature: signature.clone(),
        };
        for (member, to) in membership.others(self.index) {
            self.pulse.asked(now, member);
            out.push(Outgoing {
                to,
                message: wrap(membership, Body::PrePrepare(order.clone())),
            });
        }
        let mut round = Round::new(ballot, order, digests);
        round.record(self.index, ballot.root, signature, Vec::new());
        round.phase = Phase::Collecting {
            until: now + self.patience(),
        };
        round.resend = Some(now + resend_after(self.quorum_timeout));
        round
    }

    /// The same proposal again: repeat the answer, or collect again if collecting had failed.
    fn repeat(
        &mut self,
        membership: &Membership,
        now: Instant,
        propose: &Propose,
        sequence: u64,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let until = now + self.patience();
        let round = self.rounds.get_mut(&sequence).ok_or(Refusal::UnknownSequence)?;
        let order = round.order.as_ref().ok_or(Refusal::UnknownSequence)?;
        if order.propose.signature != propose.signature {
            return Err(Refusal::Conflict);
        }
        match &round.phase {
            Phase::Collecting { .. } => {}
            Phase::Certified(reply) => out.push(to_worker(membership, Body::Reply((**reply).clone()))),
            Phase::Failed => {
                round.phase = Phase::Collecting { until };
                round.resent = 0;
                round.resend = Some(now);
            }
        }
        Ok(())
    }

    pub(super) fn commit(
        &mut self,
        desk: &mut Desk,
        membership: &Membership,
        now: Instant,
        commit: Commit,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let Commit {
            sequence,
            member,
            root,
            ..
        } = commit;
        let behind = self.is_behind(sequence);
        let round = self.rounds.get_mut(&sequence).ok_or(Refusal::UnknownSequence)?;
        if member == self.index || membership.replica(member).is_none() {
            return Err(Refusal::NotAMember);
        }
        match round.seen(&commit) {
            Seen::New => {}
            Seen::Repeated => return Ok(()),
            Seen::Different => return Err(Refusal::DoubleVote),
        }
        let ballot = Ballot { root, ..round.ballot };
        desk.verify_replica(
            membership,
            member,
            &ballot.statement(&membership.scope, member),
            &commit.signature,
        )?;
        if root != round.ballot.root && round.order.is_some() {
            let suite = membership.suite();
            if merkle::root(suite, leaves(suite, &round.digests, &commit.outcomes)) != root
                || commit.outcomes.len() != round.digests.len()
            {
                return Err(Refusal::Outcomes);
            }
        }
        round.record(member, root, commit.signature, commit.outcomes);
        let unanimous = round.is_unanimous(membership);
        self.pulse.voted(now, member, behind);
        self.settle(desk, membership, sequence, out);
        if unanimous && self.pulse.agreed() {
            self.tell_health(desk, membership, out);
        }
        if unanimous && self.slots.values().all(|slot| slot.1 != sequence) {
            self.rounds.remove(&sequence);
        }
        Ok(())
    }

    /// Whether orders after `sequence` went out.
    fn is_behind(&self, sequence: u64) -> bool {
        sequence < self.last
    }

    /// Answers the worker if 2f+1 votes match and it has no answer yet.
    fn settle(&mut self, desk: &mut Desk, membership: &Membership, sequence: u64, out: &mut Vec<Outgoing>) {
        let index = self.index;
        let Some(round) = self.rounds.get_mut(&sequence) else {
            return;
        };
        if matches!(round.phase, Phase::Certified(_)) {
            return;
        }
        let (Some((outcomes, votes)), Some(order)) = (round.quorum(membership), &round.order) else {
            return;
        };
        let mut reply = Reply {
            slot: order.propose.slot,
            timestamp: order.propose.timestamp,
            sequence,
            outcomes,
            votes,
            signature: Signature::new(),
        };
        reply.signature = desk.sign(&reply.statement(&membership.scope, index));
        round.phase = Phase::Certified(Box::new(reply.clone()));
        out.push(to_worker(membership, Body::Reply(reply)));
    }

    pub(super) fn wake(
        &mut self,
        desk: &mut Desk,
        membership: &Membership,
        now: Instant,
        out: &mut Vec<Outgoing>,
    ) {
        for round in self.rounds.values_mut() {
            resend(round, membership, self.index, self.quorum_timeout, now, out);
            let Phase::Collecting { until } = round.phase else {
                continue;
            };
            let Some(order) = round.order.as_ref().filter(|_| until <= now) else {
                continue;
            };
            let mut report = NoQuorum {
                slot: order.propose.slot,
                timestamp: order.propose.timestamp,
                sequence: order.sequence,
                missing: round.missing(membership),
                signature: Signature::new(),
            };
            report.signature = desk.sign(&report.statement(&membership.scope, self.index));
            round.phase = Phase::Failed;
            out.push(to_worker(membership, Body::NoQuorum(report)));
        }
        if self.pulse.check(now) {
            self.tell_health(desk, membership, out);
        }
    }

    fn tell_health(&mut self, desk: &mut Desk, membership: &Membership, out: &mut Vec<Outgoing>) {
        self.pulse.number += 1;
        let mut health = Health {
            number: self.pulse.number,
            silent: self.pulse.silent(),
            signature: Signature::new(),
        };
        health.signature = desk.sign(&health.statement(&membership.scope, self.index));
        out.push(to_worker(membership, Body::Health(health)));
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let collecting = self.rounds.values().filter_map(|round| match round.phase {
            Phase::Collecting { until } => Some(until),
            Phase::Certified(_) | Phase::Failed => None,
        });
        let resends = self.rounds.values().filter_map(|round| round.resend);
        let votes = collecting.chain(resends).min().map(|at| Deadline {
            at,
            reason: "votes are missing",
        });
        let pulse = self.pulse.deadline().map(|at| Deadline {
            at,
            reason: "a member owes votes",
        });
        Deadline::earlier(votes, pulse)
    }

    /// Keeps the tables bounded. A batch that is the last of its slot stays whole, so that its answer can be repeated.
    fn prune(&mut self) {
        while self.rounds.len() > KEPT {
            self.rounds.pop_first();
        }
        let current: Vec<u64> = self.slots.values().map(|(_, sequence)| *sequence).collect();
        for (sequence, round) in self.rounds.iter_mut().rev().skip(WHOLE) {
            if round.order.is_none() {
                break;
            }
            if !current.contains(sequence) {
                round.lighten();
            }
        }
    }
}

/// Sends the order again to whoever has not voted.
fn resend(
    round: &mut Round,
    membership: &Membership,
    leader: u8,
    quorum_timeout: Duration,
    now: Instant,
    out: &mut Vec<Outgoing>,
) {
    if round.resend.is_none_or(|at| at > now) {
        return;
    }
    let mut waiting = false;
    if let Some(order) = &round.order {
        for (member, to) in membership.others(leader) {
            if !round.has_vote(member) {
                waiting = true;
                out.push(Outgoing {
                    to,
                    message: wrap(membership, Body::PrePrepare((**order).clone())),
                });
            }
        }
    }
    round.resent += 1;
    round.resend = (waiting && round.resent < RESENDS).then(|| now + resend_after(quorum_timeout));
}

fn to_worker(membership: &Membership, body: Body) -> Outgoing {
    Outgoing {
        to: NodeId::Worker(membership.set()),
        message: wrap(membership, body),
    }
}
