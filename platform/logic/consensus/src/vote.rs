//! `vote`: 2f+1 replicas execute for themselves, f+1 answers that match are a certificate.
//!
//! Operations are pure, so the correctness of a value needs no order among requests, only f+1 equal answers (Yin et al.,
//! "Separating agreement from execution", SOSP'03, whose execution clusters have 2f+1 members). The worker asks all of them;
//! nobody leads, nothing is replicated, and there is no view to change. What is given up beside `pbft` is the order: who
//! executed what before what is not agreed on, and a membership that changes is believed as the control plane tells it.
//!
//! For n = 2f+1 replicas and one request, no faults, all together: 1 + n signatures, n + f + 1 verifications (n of the request, f+1
//! of the replies), 2n messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_model::{Deadline, Instant, NodeId, Outcome, SetRecord};

use crate::certificate::Ballot;
use crate::collect::{Early, execute, is_news, leaves};
use crate::digest::Digest;
use crate::membership::{Membership, MembershipError};
use crate::merkle;
use crate::message::Message;
use crate::pbft::{self, ClientId, Desk, Reply, Request};
use crate::replica::{Effort, Outgoing, Refusal, Refusals, Replica, Seat};

/// A replica of a `vote` set.
#[derive(Debug)]
pub(crate) struct VoteReplica {
    desk: Desk,
    me: u8,
    membership: Option<Membership>,
    /// The last reply to every client, so that a repeated request costs nothing.
    replies: BTreeMap<ClientId, Reply>,
    early: Early,
    refused: Refusals,
}

impl VoteReplica {
    pub(crate) fn new(seat: Seat) -> Self {
        let me = match seat.node {
            NodeId::Replica(_, index) => index,
            NodeId::Control | NodeId::Worker(_) => u8::MAX,
        };
        Self {
            desk: Desk::new(seat),
            me,
            membership: None,
            replies: BTreeMap::new(),
            early: Early::default(),
            refused: Refusals::new(),
        }
    }

    fn take(&mut self, message: Message, out: &mut Vec<Outgoing>) -> Result<(), Refusal> {
        let membership = self.membership.take().ok_or(Refusal::Unconfigured)?;
        let result = match message.body {
            crate::Body::Pbft(body) => match *body {
                pbft::Body::Request(request) => self.answer(&membership, &request, out),
                _ => Err(Refusal::Misdirected),
            },
            _ => Err(Refusal::Misdirected),
        };
        self.membership = Some(membership);
        result
    }

    fn answer(
        &mut self,
        membership: &Membership,
        request: &Request,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let mine = membership
            .replica(self.me)
            .is_some_and(|peer| &peer.key == self.desk.seat.keys.public_key());
        if !mine {
            return Err(Refusal::NotAMember);
        }
        let worker = request.sender(membership)?;
        request.check_bounds(&membership.scope)?;
        let client = request.client();
        let known = self.replies.get(&client).map(|reply| reply.timestamp);
        if known.is_some_and(|known| known > request.timestamp) {
            return Err(Refusal::Stale);
        }
        let content = pbft::Content::of(membership.suite(), request);
        let statement = pbft::request_statement(&membership.scope, content.digest);
        self.desk.verify(&worker.key, &statement, &request.signature)?;
        if known != Some(request.timestamp) {
            let reply = self.compute(membership, request, &content.jobs);
            self.replies
                .retain(|known, _| known.incarnation >= client.incarnation);
            self.replies.insert(client, reply);
        }
        if let Some(reply) = self.replies.get(&client) {
            out.push(Outgoing {
                to: NodeId::Worker(membership.set()),
                message: Message {
                    set: membership.set(),
                    epoch: membership.epoch(),
                    view: 0,
                    body: crate::Body::Pbft(Box::new(pbft::Body::Reply(reply.clone()))),
                },
            });
        }
        Ok(())
    }

    fn compute(&mut self, membership: &Membership, request: &Request, jobs: &[Digest]) -> Reply {
        let suite = membership.suite();
        let outcomes: Arc<[Outcome]> = execute(&request.items).into();
        let ballot = Ballot {
            sequence: request.timestamp,
            leaves: jobs.len() as u16,
            root: merkle::root(suite, leaves(suite, jobs, &outcomes)),
        };
        Reply {
            slot: request.slot,
            timestamp: request.timestamp,
            sequence: request.timestamp,
            member: self.me,
            outcomes,
            signature: self.desk.sign(&ballot.executed(&membership.scope, self.me)),
        }
    }
}

impl Replica for VoteReplica {
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
        let epoch = fresh.epoch();
        if self.membership.as_ref().map(Membership::epoch) != Some(epoch) {
            self.replies.clear(); // They were signed for the epoch before.
        }
        self.membership = Some(fresh);
        for (from, message) in self.early.release(epoch) {
            self.handle(now, from, message, out);
        }
        Ok(())
    }

    fn handle(&mut self, _now: Instant, from: NodeId, message: Message, out: &mut Vec<Outgoing>) {
        let known = self.membership.as_ref().map(Membership::epoch);
        let result = if Some(message.set) != self.desk.seat.node.set() {
            Err(Refusal::OtherSet)
        } else if known.is_none_or(|known| message.epoch > known) {
            self.early.keep(from, message)
        } else if known.is_some_and(|known| message.epoch < known) {
            Err(Refusal::OtherEpoch)
        } else {
            self.take(message, out)
        };
        if let Err(refusal) = result {
            *self.refused.entry(refusal).or_default() += 1;
        }
    }

    fn wake(&mut self, _now: Instant, _out: &mut Vec<Outgoing>) {}

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn effort(&self) -> Effort {
        self.desk.effort
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}
