//! A replica that answers wrongly on demand, for experiments.
//!
//! It does everything as its protocol wants it, but what it says came out is off by one, and signed with its own key: a
//! Byzantine fault in the value (Z1 of the project's fault list), which no signature gives away. Two of them agree on the
//! same wrong value, so that f+1 can certify a lie. It exists only where `PlatformConfig::corruptible` asks for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tally_expression::apply;
use tally_model::{Deadline, Epoch, Instant, NodeId, Operation, Outcome, SetRecord};

use crate::certificate::Ballot;
use crate::collect::leaves;
use crate::digest::{Digest, job_digest};
use crate::membership::{Membership, MembershipError};
use crate::merkle;
use crate::message::{Body, Item, Message};
use crate::pbft;
use crate::replica::{Effort, Outgoing, Refusals, Replica, Seat};

/// Requests whose jobs are remembered, to know what a reply is about.
const REMEMBERED: usize = 256;

/// Wraps a replica of any protocol.
#[derive(Debug)]
pub(crate) struct Corruptible {
    seat: Seat,
    inner: Box<dyn Replica>,
    membership: Option<Membership>,
    lies: bool,
    /// The jobs of a request, by slot and timestamp.
    jobs: BTreeMap<(u8, u64), Vec<Digest>>,
    order: VecDeque<(u8, u64)>,
}

/// The value one above; an error becomes 0.
fn wrong(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Value(value) => apply(Operation::Add, value, "1"),
        Outcome::Error(_) => Outcome::Value("0".into()),
    }
}

impl Corruptible {
    pub(crate) fn new(seat: Seat, inner: Box<dyn Replica>) -> Self {
        Self {
            seat,
            inner,
            membership: None,
            lies: false,
            jobs: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    fn remember(&mut self, slot: u8, timestamp: u64, items: &[Item]) {
        let suite = self.seat.config.suite;
        let digests = items.iter().map(|item| job_digest(suite, &item.job)).collect();
        if self.jobs.insert((slot, timestamp), digests).is_none() {
            self.order.push_back((slot, timestamp));
        }
        while self.order.len() > REMEMBERED {
            if let Some(old) = self.order.pop_front() {
                self.jobs.remove(&old);
            }
        }
    }

    fn listen(&mut self, message: &Message) {
        match &message.body {
            Body::Propose(propose) => self.remember(propose.slot, propose.timestamp, &propose.items),
            Body::PrePrepare(order) => {
                let propose = &order.propose;
                self.remember(propose.slot, propose.timestamp, &propose.items);
            }
            Body::Pbft(body) => {
                let requests = match &**body {
                    pbft::Body::Request(request) => std::slice::from_ref(request),
                    pbft::Body::PrePrepare(order) => &order.batch.requests,
                    _ => return,
                };
                for request in requests {
                    self.remember(request.slot, request.timestamp, &request.items);
                }
            }
            _ => {}
        }
    }

    /// What a member that lies sends instead.
    fn twist(&self, out: &mut [Outgoing]) {
        let Some(membership) = self.membership.as_ref().filter(|_| self.lies) else {
            return;
        };
        for sent in out {
            match &mut sent.message.body {
                Body::Pbft(body) => {
                    if let pbft::Body::Reply(reply) = &mut **body {
                        self.twist_reply(membership, reply);
                    }
                }
                Body::PrePrepare(order) => {
                    let of = (order.propose.slot, order.propose.timestamp);
                    order.outcomes = order.outcomes.iter().map(wrong).collect();
                    if let Some(ballot) = self.ballot(of, order.sequence, &order.outcomes) {
                        let statement = ballot.statement(&membership.scope, membership.leader());
                        order.signature = self.seat.keys.sign(&statement);
                    }
                }
                _ => {}
            }
        }
    }

    fn twist_reply(&self, membership: &Membership, reply: &mut pbft::Reply) {
        let outcomes: Arc<[Outcome]> = reply.outcomes.iter().map(wrong).collect();
        if let Some(ballot) = self.ballot((reply.slot, reply.timestamp), reply.sequence, &outcomes) {
            reply.outcomes = outcomes;
            reply.signature = self
                .seat
                .keys
                .sign(&ballot.executed(&membership.scope, reply.member));
        }
    }

    fn ballot(&self, of: (u8, u64), sequence: u64, outcomes: &[Outcome]) -> Option<Ballot> {
        let jobs = self.jobs.get(&of)?;
        let suite = self.seat.config.suite;
        Some(Ballot {
            sequence,
            leaves: jobs.len() as u16,
            root: merkle::root(suite, leaves(suite, jobs, outcomes)),
        })
    }
}

impl Replica for Corruptible {
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), MembershipError> {
        let fresh = Membership::from_record(record, self.seat.cluster, &self.seat.config)?;
        self.membership = Some(fresh);
        let before = out.len();
        let result = self.inner.configure(now, record, out);
        self.twist(&mut out[before..]);
        result
    }

    fn handle(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<Outgoing>) {
        self.listen(&message);
        let before = out.len();
        self.inner.handle(now, from, message, out);
        self.twist(&mut out[before..]);
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Outgoing>) {
        let before = out.len();
        self.inner.wake(now, out);
        self.twist(&mut out[before..]);
    }

    fn peer_lost(&mut self, now: Instant, peer: NodeId, out: &mut Vec<Outgoing>) {
        self.inner.peer_lost(now, peer, out);
    }

    fn corrupt(&mut self, lies: bool) {
        self.lies = lies;
    }

    fn entered(&self) -> Option<(Epoch, u32)> {
        self.inner.entered()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.inner.deadline()
    }

    fn effort(&self) -> Effort {
        self.inner.effort()
    }

    fn refused(&self) -> &Refusals {
        self.inner.refused()
    }
}
