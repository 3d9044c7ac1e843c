//! The normal case: REQUEST, PRE-PREPARE, PREPARE, COMMIT, execution, REPLY (OSDI'99, section 4.2).

use tally_model::NodeId;

use super::client_table::{ClientId, Known};
use super::message::{Batch, Body, Commit, Order, PrePrepare, Prepare, Reply, Request};
use super::quorum::{commits_needed, prepares_needed, primary};
use super::replica::Replica;
use super::statement::{self, Content, scope};
use crate::Signature;
use crate::certificate::Ballot;
use crate::membership::Membership;
use crate::replica::{Outgoing, Refusal};

impl Replica {
    /// REQUEST, of the client or relayed by a backup.
    pub(super) fn request(
        &mut self,
        membership: &Membership,
        from: NodeId,
        request: Request,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let client = request.client();
        request.check_bounds(&membership.scope)?;
        // A reply does not say to which occupant of the worker's place, so nobody but the present one is answered in this epoch.
        request.sender(membership)?;
        match self.execution.table.known(client, request.timestamp) {
            Known::Last => {
                self.reply(membership, client, out);
                return Ok(());
            }
            Known::Past => return Err(Refusal::Stale),
            Known::New => {}
        }
        if let Some(known) = self.pending.get(client) {
            if *known == request {
                return Ok(());
            }
            if known.timestamp >= request.timestamp {
                return Err(Refusal::Stale);
            }
        }
        let content = Content::of(membership.suite(), &request);
        self.verify_request(membership, &request, &content)?;
        if from == NodeId::Worker(membership.set()) && self.is_voter() && !self.leads(membership) {
            let to = NodeId::Replica(membership.set(), primary(membership, self.view));
            out.push(self.to(membership, to, Body::Request(request.clone())));
        }
        self.pending.put(request, content);
        Ok(())
    }

    fn verify_request(
        &mut self,
        membership: &Membership,
        request: &Request,
        content: &Content,
    ) -> Result<(), Refusal> {
        let worker = request.sender(membership)?;
        let statement = statement::request(&membership.scope, content.digest);
        self.desk.verify(&worker.key, &statement, &request.signature)
    }

    /// The primary orders what waits, while the pipeline and the window allow it.
    pub(super) fn order(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        if self.changing || !self.is_voter() || !self.leads(membership) {
            return;
        }
        while !self.is_closing(membership) {
            let sequence = self.log.last_ordered() + 1;
            let under_way = sequence.saturating_sub(1).saturating_sub(self.executed());
            if !self.log.accepts(sequence) || under_way >= self.settings.pipeline {
                return;
            }
            let (batch, contents) = match self.proposal(membership) {
                Some(reconfig) => {
                    let change = Batch {
                        requests: Vec::new(),
                        reconfig: Some(reconfig),
                    };
                    (change, Vec::new())
                }
                None if self.pending.is_empty() => return,
                None => self.pending.next_batch(|request| self.is_under_way(request)),
            };
            if batch == Batch::default() {
                return;
            }
            let scope = scope(membership, self.view);
            let digest = batch.digest(scope.suite, &contents);
            let statement = statement::pre_prepare(&scope, sequence, self.me, digest);
            let signature = self.desk.sign(&statement);
            self.log.entry(sequence).order = Some(Order {
                sequence,
                digest,
                signature: signature.clone(),
            });
            self.batches.keep(digest, batch.clone(), contents);
            let order = PrePrepare {
                sequence,
                batch,
                signature,
            };
            self.broadcast(membership, Body::PrePrepare(order), out);
            self.advance(membership, sequence, out);
        }
    }

    /// Whether a request is ordered in this view and not executed.
    fn is_under_way(&self, request: &Request) -> bool {
        self.log
            .ordered_after(self.executed())
            .filter_map(|(_, entry)| self.batches.get(entry.digest()?))
            .flat_map(|batch| &batch.requests)
            .any(|known| (known.client(), known.timestamp) == (request.client(), request.timestamp))
    }

    /// PRE-PREPARE of the primary, possibly passed on by somebody else.
    pub(super) fn pre_prepare(
        &mut self,
        membership: &Membership,
        order: PrePrepare,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let PrePrepare {
            sequence,
            batch,
            signature,
        } = order;
        if !self.log.accepts(sequence) {
            return Err(Refusal::OutOfBounds);
        }
        if self.leads(membership) {
            return Err(Refusal::Misdirected);
        }
        let scope = scope(membership, self.view);
        let contents = self.pending.contents(&batch, scope.suite);
        let digest = batch.digest(scope.suite, &contents);
        if let Some(known) = self.log.get(sequence).and_then(|entry| entry.digest()) {
            if known != digest {
                return Err(Refusal::Conflict);
            }
            // Of a new view only the digest may be known; the batch proves itself.
            self.batches.keep(digest, batch, contents);
            self.vouch(membership, sequence, out);
            self.advance(membership, sequence, out);
            return Ok(());
        }
        batch.check_bounds(&scope)?;
        let primary = primary(membership, self.view);
        let statement = statement::pre_prepare(&scope, sequence, primary, digest);
        self.desk
            .verify_replica(membership, primary, &statement, &signature)?;
        for (request, content) in batch.requests.iter().zip(&contents) {
            if self.pending.get(request.client()) != Some(request) {
                self.verify_request(membership, request, content)?;
            }
        }
        for (request, content) in batch.requests.iter().zip(&contents) {
            let new = self.execution.table.known(request.client(), request.timestamp) == Known::New;
            if new && self.pending.is_news(request) {
                self.pending.put(request.clone(), content.clone());
            }
        }
        self.batches.keep(digest, batch, contents);
        self.log.entry(sequence).order = Some(Order {
            sequence,
            digest,
            signature,
        });
        self.vouch(membership, sequence, out);
        self.advance(membership, sequence, out);
        Ok(())
    }

    /// Sends PREPARE for an accepted order whose batch is here, once.
    pub(super) fn vouch(&mut self, membership: &Membership, sequence: u64, out: &mut Vec<Outgoing>) {
        // Between views the log still has the orders of the view that was left.
        if self.changing || !self.is_voter() || self.leads(membership) || !self.log.accepts(sequence) {
            return;
        }
        let Some(digest) = self.log.get(sequence).and_then(|entry| entry.digest()) else {
            return;
        };
        let voted = self
            .log
            .get(sequence)
            .is_some_and(|entry| entry.prepares.get(self.me).is_some());
        let Some(batch) = self.batches.get(digest) else {
            return;
        };
        let agrees = batch
            .reconfig
            .is_none_or(|change| self.agrees(membership, &change));
        if voted || !agrees {
            return;
        }
        let scope = scope(membership, self.view);
        let statement = statement::prepare(&scope, sequence, self.me, digest);
        let signature = self.desk.sign(&statement);
        let me = self.me;
        self.log
            .entry(sequence)
            .prepares
            .insert(me, (digest, signature.clone()));
        let vote = Prepare {
            sequence,
            member: me,
            digest,
            signature,
        };
        self.broadcast(membership, Body::Prepare(vote), out);
    }

    /// PREPARE of a backup.
    pub(super) fn prepare(
        &mut self,
        membership: &Membership,
        vote: Prepare,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let Prepare {
            sequence,
            member,
            digest,
            signature,
        } = vote;
        if !self.log.accepts(sequence) {
            return Err(Refusal::OutOfBounds);
        }
        if member == self.me || member == primary(membership, self.view) {
            return Err(Refusal::Misdirected);
        }
        if let Some(entry) = self.log.get(sequence) {
            match entry.prepares.get(member) {
                Some((known, _)) if *known != digest => return Err(Refusal::DoubleVote),
                Some(_) => return Ok(()),
                None if entry.prepared => return Ok(()),
                None => {}
            }
        }
        let scope = scope(membership, self.view);
        let statement = statement::prepare(&scope, sequence, member, digest);
        self.desk
            .verify_replica(membership, member, &statement, &signature)?;
        self.log
            .entry(sequence)
            .prepares
            .insert(member, (digest, signature));
        self.advance(membership, sequence, out);
        Ok(())
    }

    /// COMMIT of a member.
    pub(super) fn commit(
        &mut self,
        membership: &Membership,
        vote: Commit,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let Commit {
            sequence,
            member,
            digest,
            tag,
        } = vote;
        if !self.log.accepts(sequence) {
            return Err(Refusal::OutOfBounds);
        }
        if member == self.me {
            return Err(Refusal::Misdirected);
        }
        if let Some(entry) = self.log.get(sequence) {
            match entry.commits.get(member) {
                Some(known) if *known != digest => return Err(Refusal::DoubleVote),
                Some(_) => return Ok(()),
                None if entry.decided.is_some() => return Ok(()),
                None => {}
            }
        }
        let scope = scope(membership, self.view);
        let statement = statement::commit(&scope, sequence, member, digest);
        self.desk.check_tag(membership, member, &statement, &tag)?;
        self.log.entry(sequence).commits.insert(member, digest);
        self.advance(membership, sequence, out);
        Ok(())
    }

    /// Takes a place as far as its votes carry it: prepared, decided, executed.
    pub(super) fn advance(&mut self, membership: &Membership, sequence: u64, out: &mut Vec<Outgoing>) {
        let (epoch, view, me) = (membership.epoch(), self.view, self.me);
        let primary = primary(membership, view);
        let votes = self.is_voter();
        let Some(entry) = self.log.get_mut(sequence) else {
            return;
        };
        let Some(digest) = entry.digest() else {
            return;
        };
        if !entry.prepared
            && self.batches.get(digest).is_some()
            && let Some(proof) = entry.certificate(epoch, view, primary, prepares_needed(membership))
        {
            entry.prepared = true;
            entry.proof = Some(proof);
            if votes {
                entry.commits.insert(me, digest);
                self.send_commit(membership, sequence, out);
            }
        }
        let entry = self.log.entry(sequence);
        if entry.prepared && entry.committers() >= commits_needed(membership) {
            entry.decided = Some(digest);
            self.execute(membership, out);
        }
    }

    /// Authenticates an own COMMIT for every other member and sends it.
    pub(super) fn send_commit(&mut self, membership: &Membership, sequence: u64, out: &mut Vec<Outgoing>) {
        for (member, to) in membership.others(self.me) {
            if let Some(vote) = self.own_commit(membership, sequence, member) {
                out.push(self.to(membership, to, vote));
            }
        }
    }

    /// The own COMMIT for `to`, if there is one in this view.
    pub(super) fn own_commit(&mut self, membership: &Membership, sequence: u64, to: u8) -> Option<Body> {
        let digest = *self.log.get(sequence)?.commits.get(self.me)?;
        let scope = scope(membership, self.view);
        let statement = statement::commit(&scope, sequence, self.me, digest);
        Some(Body::Commit(Commit {
            sequence,
            member: self.me,
            digest,
            tag: self.desk.tag(to, &statement),
        }))
    }

    /// Executes what is decided, in order and without gaps.
    pub(super) fn execute(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        loop {
            let next = self.executed() + 1;
            let Some(digest) = self.log.get(next).and_then(|entry| entry.decided) else {
                return;
            };
            let Some(known) = self.batches.known(digest) else {
                return;
            };
            if self.execution.epoch > membership.epoch() {
                return; // The epoch has come to its end.
            }
            let done = self.execution.apply(membership.suite(), digest, &known);
            self.timer.progress();
            for (client, timestamp) in &done.requests {
                self.pending.done(*client, *timestamp);
                self.reply(membership, *client, out);
            }
            self.pending.forget(&known.batch);
            self.recent.push_back(done);
            while self.recent.len() as u64 > self.settings.window {
                self.recent.pop_front();
            }
            self.make_checkpoint(membership, out);
        }
    }

    /// Sends the last reply of a client, signed once.
    pub(super) fn reply(&mut self, membership: &Membership, client: ClientId, out: &mut Vec<Outgoing>) {
        let Some(last) = self.execution.table.last(client) else {
            return;
        };
        let reply = match self.replies.get(client, last.timestamp) {
            Some(reply) => reply.clone(),
            None => {
                let ballot = Ballot {
                    sequence: last.sequence,
                    leaves: last.outcomes.len() as u16,
                    root: last.root,
                };
                let mut reply = Reply {
                    slot: client.slot,
                    timestamp: last.timestamp,
                    sequence: last.sequence,
                    member: self.me,
                    outcomes: last.outcomes.clone(),
                    signature: Signature::new(),
                };
                reply.signature = self.desk.sign(&ballot.executed(&membership.scope, self.me));
                self.replies.put(client, reply.clone());
                reply
            }
        };
        let to = NodeId::Worker(membership.set());
        out.push(self.to(membership, to, Body::Reply(reply)));
    }
}
