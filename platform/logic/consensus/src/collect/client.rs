//! The worker's side: proposes batches, checks certificates, and says who does not do its part.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tally_model::{Deadline, Instant, NodeId, SetRecord};

use super::early::Early;
use super::flight::Flight;
use super::patience::Patience;
use super::{Desk, SLOTS, is_news, resend_after, wrap};
use crate::Signature;
use crate::client::{Client, ClientEvent};
use crate::membership::{Membership, MembershipError};
use crate::message::{Body, Item, MAX_BATCH, Message, Propose, Reply};
use crate::replica::{Effort, Outgoing, Refusal, Refusals, Seat};

mod blame;

/// Bytes of operands in one batch, unless a single job has more.
const BATCH_BYTES: usize = 128 * 1024;

/// The worker's client of a `collect` set.
#[derive(Debug)]
pub(crate) struct CollectClient {
    desk: Desk,
    membership: Option<Arc<Membership>>,
    waiting: VecDeque<Item>,
    flights: BTreeMap<u8, Flight>,
    timestamp: u64,
    patience: Patience,
    suspected: BTreeMap<NodeId, (u32, Instant)>,
    /// Since when members are said to owe votes.
    silent: BTreeMap<u8, Instant>,
    /// Number of the last statement of health, and whether all voted then.
    health: (u64, Option<bool>),
    early: Early,
    refused: Refusals,
}

impl CollectClient {
    pub(crate) fn new(seat: Seat) -> Self {
        Self {
            patience: Patience::new(seat.config.timing.quorum_timeout),
            desk: Desk {
                seat,
                effort: Effort::default(),
            },
            membership: None,
            waiting: VecDeque::new(),
            flights: BTreeMap::new(),
            timestamp: 0,
            suspected: BTreeMap::new(),
            silent: BTreeMap::new(),
            health: (0, None),
            early: Early::default(),
            refused: Refusals::new(),
        }
    }

    /// Proposes what waits while a slot is free.
    fn pump(&mut self, now: Instant, out: &mut Vec<ClientEvent>) {
        let Some(membership) = self.membership.clone() else {
            return;
        };
        for slot in 0..SLOTS {
            if self.waiting.is_empty() {
                return;
            }
            if self.flights.contains_key(&slot) {
                continue;
            }
            let items = self.next_batch();
            self.timestamp += 1;
            let mut propose = Propose {
                slot,
                timestamp: self.timestamp,
                items,
                signature: Signature::new(),
            };
            let digests = propose.digests(membership.suite());
            let statement = propose.statement(&membership.scope, &digests);
            propose.signature = self.desk.sign(&statement);
            out.push(to_leader(&membership, &propose));
            self.flights.insert(
                slot,
                Flight {
                    propose,
                    digests,
                    proposed: now,
                    resend: now + resend_after(self.patience.timeout()),
                    blame: Some(now + self.patience.timeout()),
                },
            );
        }
    }

    fn next_batch(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.waiting.front() {
            bytes += item.bytes();
            if items.len() == MAX_BATCH || (bytes > BATCH_BYTES && !items.is_empty()) {
                break;
            }
            items.extend(self.waiting.pop_front());
        }
        items
    }

    fn take(&mut self, now: Instant, message: Message, out: &mut Vec<ClientEvent>) -> Result<(), Refusal> {
        let membership = self.membership.clone().ok_or(Refusal::Unconfigured)?;
        if message.view != membership.scope.view {
            return Err(Refusal::OtherView);
        }
        match message.body {
            Body::Reply(reply) => self.reply(&membership, now, reply, out),
            Body::NoQuorum(report) => self.no_quorum(&membership, now, &report, out),
            Body::Health(health) => self.hear_health(&membership, now, &health, out),
            Body::Propose(_) | Body::PrePrepare(_) | Body::Commit(_) | Body::Pbft(_) => {
                Err(Refusal::Misdirected)
            }
        }
    }

    fn reply(
        &mut self,
        membership: &Membership,
        now: Instant,
        reply: Reply,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), Refusal> {
        let slot = reply.slot;
        let flight = self
            .flights
            .get(&slot)
            .filter(|flight| flight.propose.timestamp == reply.timestamp)
            .ok_or(Refusal::Stale)?;
        let effort = &mut self.desk.effort;
        // The votes prove themselves; the leader's own signature matters only when it must be blamed.
        let landed = flight.land(reply.clone(), membership, |statement, vote, key| {
            effort.verified += 1;
            key.verify(statement, &vote.signature)
        });
        let landed = match landed {
            Ok(landed) => landed,
            Err(flaw) => {
                let leader = membership.leader();
                let statement = reply.statement(&membership.scope, leader);
                self.desk
                    .verify_replica(membership, leader, &statement, &reply.signature)?;
                out.push(ClientEvent::Refused(flaw));
                self.suspect(membership, now, leader, &flaw.to_string(), out);
                return Err(Refusal::Certificate);
            }
        };
        let Some(flight) = self.flights.remove(&slot) else {
            return Ok(());
        };
        self.patience.answered(now.since(flight.proposed));
        let certified = landed.outcomes.into_iter().zip(landed.certificates);
        for (item, (outcome, certificate)) in flight.propose.items.into_iter().zip(certified) {
            out.push(ClientEvent::Certified {
                job: item.job,
                outcome,
                certificate,
                votes: landed.votes,
                members: membership.size(),
            });
        }
        self.pump(now, out);
        Ok(())
    }
}

impl Client for CollectClient {
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), MembershipError> {
        if self.desk.seat.node.set() != Some(record.id) {
            return Ok(());
        }
        let fresh = Membership::from_record(record, self.desk.seat.cluster, &self.desk.seat.config)?;
        if !is_news(self.membership.as_deref(), record.epoch, &fresh) {
            return Ok(());
        }
        let epoch = fresh.epoch();
        self.membership = Some(Arc::new(fresh));
        self.health = (0, None);
        self.silent.clear();
        self.patience.turn(!self.flights.is_empty());
        // Algo_normal again (M30): what was under way is proposed to the new epoch, the oldest first.
        let mut flights: Vec<Flight> = std::mem::take(&mut self.flights).into_values().collect();
        flights.sort_by_key(|flight| flight.propose.timestamp);
        for item in flights
            .into_iter()
            .rev()
            .flat_map(|flight| flight.propose.items.into_iter().rev())
        {
            self.waiting.push_front(item);
        }
        self.pump(now, out);
        for (from, message) in self.early.release(epoch) {
            self.handle(now, from, message, out);
        }
        Ok(())
    }

    fn submit(&mut self, now: Instant, item: Item, out: &mut Vec<ClientEvent>) {
        self.waiting.push_back(item);
        self.pump(now, out);
    }

    fn handle(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<ClientEvent>) {
        let known = self.membership.as_ref().map(|known| known.epoch());
        let result = if Some(message.set) != self.desk.seat.node.set() {
            Err(Refusal::OtherSet)
        } else if known.is_none_or(|known| message.epoch > known) {
            self.early.keep(from, message)
        } else if known.is_some_and(|known| message.epoch < known) {
            Err(Refusal::OtherEpoch)
        } else {
            self.take(now, message, out)
        };
        if let Err(refusal) = result {
            *self.refused.entry(refusal).or_default() += 1;
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<ClientEvent>) {
        let Some(membership) = self.membership.clone() else {
            return;
        };
        let timeout = self.patience.timeout();
        let mut mute = false;
        for flight in self.flights.values_mut() {
            if flight.blame.is_some_and(|at| at <= now) {
                mute = true;
                flight.blame = None;
                flight.resend = now;
            }
            if flight.resend <= now {
                out.push(to_leader(&membership, &flight.propose));
                flight.resend = now
                    + match flight.blame {
                        Some(_) => resend_after(timeout),
                        None => timeout,
                    };
                // Still nothing: the suspicion itself may have been lost.
                mute |= flight.blame.is_none();
            }
        }
        if mute {
            self.patience.give_up();
            self.suspect(
                &membership,
                now,
                membership.leader(),
                "no answer within the quorum timeout",
                out,
            );
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.membership.as_ref()?;
        self.flights
            .values()
            .map(|flight| {
                flight
                    .blame
                    .map_or(flight.resend, |blame| blame.min(flight.resend))
            })
            .min()
            .map(|at| Deadline {
                at,
                reason: "the leader has not answered",
            })
    }

    fn effort(&self) -> Effort {
        self.desk.effort
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}

fn to_leader(membership: &Membership, propose: &Propose) -> ClientEvent {
    ClientEvent::Send(Outgoing {
        to: NodeId::Replica(membership.set(), membership.leader()),
        message: wrap(membership, Body::Propose(propose.clone())),
    })
}
