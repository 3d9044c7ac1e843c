//! Repairing losses: a member says how far it is, and whoever is further sends what it lacks.
//!
//! Everything sent here was signed by whom it is of, or proves itself by digest, or is the sender's own vote: passing it on
//! needs no trust.

use tally_model::{Instant, NodeId};

use super::message::{Batch, Body, PrePrepare, Prepare, State, Status};
use super::quorum::primary;
use super::replica::{Replica, Standing};
use super::statement::{self, scope};
use super::{MISSING, RESENT};
use crate::Signature;
use crate::digest::Digest;
use crate::membership::Membership;
use crate::replica::{Outgoing, Refusal};

impl Replica {
    /// Whether there is a reason to ask others.
    pub(super) fn is_missing_something(&self) -> bool {
        let stable = self.stable_point();
        let waits = !self.pending.is_empty() || self.log.ordered_after(self.executed()).next().is_some();
        let votes = || {
            self.log
                .after(self.executed())
                .any(|(_, entry)| !entry.commits.is_empty())
        };
        match self.standing {
            Standing::Outsider => false,
            Standing::Learner => true,
            Standing::Voter => {
                self.changing
                    || !self.next.is_empty()
                    || waits
                    || self.checkpoints.ahead.is_some()
                    || !self.later.is_empty()
                    || votes()
                    || !self.checkpoints.own_after(self.me, stable).is_empty()
            }
        }
    }

    /// Batches this member knows the digest of only.
    pub(super) fn missing_batches(&self) -> Vec<Digest> {
        self.log
            .iter()
            .filter(|(sequence, _)| *sequence > self.executed() || !self.changing)
            .flat_map(|(_, entry)| [entry.digest(), entry.decided])
            .flatten()
            .filter(|digest| self.batches.get(*digest).is_none())
            .take(MISSING)
            .collect()
    }

    fn own_status(&mut self, membership: &Membership, to: u8, asks: bool) -> Body {
        let mut status = Status {
            member: self.me,
            executed: self.executed(),
            stable: self.stable_point(),
            changing: self.changing,
            asks,
            missing: self.missing_batches(),
            tag: Signature::new(),
        };
        let statement = statement::status(&scope(membership, self.view), &status);
        status.tag = self.desk.tag(to, &statement);
        Body::Status(status)
    }

    /// Says how far it is, and repeats what it said; who answers is sent what it lacks.
    pub(super) fn speak(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        for (member, to) in membership.others(self.me) {
            let status = self.own_status(membership, member, true);
            out.push(self.to(membership, to, status));
        }
        if !self.is_voter() {
            return;
        }
        if self.changing {
            if let Some(change) = self.changes.get(self.me) {
                self.broadcast(membership, Body::ViewChange(change.clone()), out);
            }
        } else if !self.leads(membership) {
            let to = NodeId::Replica(membership.set(), primary(membership, self.view));
            for request in self.pending.iter() {
                out.push(self.to(membership, to, Body::Request(request.clone())));
            }
        }
        let stable = self.stable_point();
        for vote in self.checkpoints.own_after(self.me, stable) {
            self.broadcast(membership, Body::Checkpoint(vote), out);
        }
        // Those that went over hear this one.
        if let Some(fresh) = self.next.values().next_back().cloned() {
            for (member, to) in fresh.others(self.me) {
                let status = self.own_status(&fresh, member, true);
                out.push(self.to(&fresh, to, status));
            }
        }
    }

    /// Sends `member` the own votes, and the orders, of the next places after `executed`.
    fn repeat(&mut self, membership: &Membership, member: u8, executed: u64, out: &mut Vec<Outgoing>) {
        if self.changing {
            return;
        }
        let to = NodeId::Replica(membership.set(), member);
        let places: Vec<u64> = self
            .log
            .ordered_after(executed)
            .map(|(sequence, _)| sequence)
            .take(RESENT)
            .collect();
        for sequence in places {
            let Some(entry) = self.log.get(sequence) else {
                continue;
            };
            let mut bodies = Vec::new();
            if let Some(order) = &entry.order
                && let Some(batch) = self.batches.get(order.digest)
                && !batch.requests.is_empty()
                && member != primary(membership, self.view)
            {
                bodies.push(Body::PrePrepare(PrePrepare {
                    sequence,
                    batch: batch.clone(),
                    signature: order.signature.clone(),
                }));
            }
            if let Some((digest, signature)) = entry.prepares.get(self.me) {
                bodies.push(Body::Prepare(Prepare {
                    sequence,
                    member: self.me,
                    digest: *digest,
                    signature: signature.clone(),
                }));
            }
            bodies.extend(self.own_commit(membership, sequence, member));
            for body in bodies {
                out.push(self.to(membership, to, body));
            }
        }
    }

    /// STATUS of another member.
    pub(super) fn status(
        &mut self,
        now: Instant,
        membership: &Membership,
        view: u32,
        status: &Status,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let member = status.member;
        if member == self.me || status.missing.len() > MISSING {
            return Err(Refusal::OutOfBounds);
        }
        let statement = statement::status(&scope(membership, view), status);
        self.desk.check_tag(membership, member, &statement, &status.tag)?;
        if !self.pace.admits(now, view, status, self.settings.murmur / 2) {
            return Ok(());
        }
        let to = NodeId::Replica(membership.set(), member);
        if status.asks {
            let own = self.own_status(membership, member, false);
            out.push(self.to(membership, to, own));
        }
        self.answer_view(membership, to, view, status, out);
        self.answer_state(membership, to, status, out);
        if view == self.view && !status.changing {
            self.repeat(membership, member, status.executed, out);
        }
        for digest in &status.missing {
            if let Some(batch) = self.batches.get(*digest) {
                out.push(self.to(membership, to, Body::Batches(vec![batch.clone()])));
            }
        }
        Ok(())
    }

    /// Sends what `to` needs to come to this view.
    fn answer_view(
        &self,
        membership: &Membership,
        to: NodeId,
        view: u32,
        status: &Status,
        out: &mut Vec<Outgoing>,
    ) {
        if self.changing {
            if status.asks
                && view <= self.view
                && let Some(change) = self.changes.get(self.me)
            {
                out.push(self.to(membership, to, Body::ViewChange(change.clone())));
            }
        } else if (view < self.view || (view == self.view && status.changing))
            && let Some(new) = &self.changes.entered
        {
            out.push(self.to(membership, to, Body::NewView(new.clone())));
        }
    }

    /// Sends the stable checkpoint, with its state if `to` has not executed that far.
    fn answer_state(&self, membership: &Membership, to: NodeId, status: &Status, out: &mut Vec<Outgoing>) {
        let stable = self.stable_point();
        if let Some(proof) = &self.checkpoints.stable {
            let lacks = status.executed < stable;
            let snapshot = match self.checkpoints.snapshots.get(&stable) {
                Some((_, snapshot)) if lacks => snapshot.clone(),
                Some(_) | None => Vec::new(),
            };
            if status.stable < stable || lacks {
                let state = State {
                    proof: proof.clone(),
                    snapshot,
                };
                out.push(self.to(membership, to, Body::State(state)));
            }
        }
        for vote in self.checkpoints.own_after(self.me, stable) {
            out.push(self.to(membership, to, Body::Checkpoint(vote)));
        }
    }

    /// Batches that were asked for.
    pub(super) fn learn_batches(
        &mut self,
        membership: &Membership,
        batches: Vec<Batch>,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        if batches.len() > MISSING {
            return Err(Refusal::OutOfBounds);
        }
        let wanted = self.missing_batches();
        for batch in batches {
            let suite = membership.suite();
            let contents = batch.contents(suite);
            let digest = batch.digest(suite, &contents);
            if !wanted.contains(&digest) {
                return Err(Refusal::UnknownSequence);
            }
            self.batches.keep(digest, batch, contents);
        }
        if !self.changing {
            let places: Vec<u64> = self
                .log
                .ordered_after(self.log.low())
                .map(|(sequence, _)| sequence)
                .collect();
            for sequence in places {
                self.vouch(membership, sequence, out);
                self.advance(membership, sequence, out);
            }
        }
        self.execute(membership, out);
        Ok(())
    }
}
