//! The worker's side: signs requests, sends them to the primary, and believes what f+1 replicas answer alike.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tally_model::{Deadline, Epoch, Instant, NodeId, Protocol, SetRecord};

use super::flight::Flight;
use super::lost::Lost;
use super::message::{Body, Request};
use super::pulse::Pulse;
use super::quorum::primary;
use super::settings::Settings;
use super::statement::{self, Content};
use super::{BATCH_BYTES, EAGER, SLOTS, SMALL_BYTES};
use crate::Signature;
use crate::client::ClientEvent;
use crate::collect::{Early, is_news};
use crate::membership::{Membership, MembershipError};
use crate::message::{Item, MAX_BATCH, Message};
use crate::replica::{Effort, Outgoing, Refusal, Refusals, Seat};

mod hearing;

/// Parts of the quorum timeout after which an unanswered request goes to all replicas.
const RESENDS: u32 = 16;

/// The worker's clients of a `pbft` set, one per slot.
#[derive(Debug)]
pub struct Client {
    seat: Seat,
    /// `pbft`; in `vote` nobody leads, and everybody is asked.
    ordered: bool,
    effort: Effort,
    membership: Option<Arc<Membership>>,
    waiting: VecDeque<Item>,
    flights: BTreeMap<u8, Flight>,
    /// The last timestamp of any slot; each slot's timestamps grow.
    timestamp: u64,
    /// The last view each replica said it is in.
    views: BTreeMap<u8, u32>,
    /// Replicas whose connection broke and of which nothing was heard since.
    lost: Lost,
    /// What was told last of who leads.
    led: Option<(Epoch, u8)>,
    /// The view to guess until f+1 replicas said theirs: a new epoch keeps the primary, if it stays.
    guess: u32,
    pulse: Pulse,
    early: Early,
    refused: Refusals,
}

impl Client {
    /// The client of the worker in `seat`.
    pub fn new(seat: Seat) -> Self {
        let timeout = seat.config.timing.quorum_timeout;
        Self {
            ordered: seat.config.protocol != Protocol::Vote,
            seat,
            effort: Effort::default(),
            membership: None,
            waiting: VecDeque::new(),
            flights: BTreeMap::new(),
            timestamp: 0,
            views: BTreeMap::new(),
            lost: Lost::default(),
            led: None,
            guess: 0,
            pulse: Pulse::new(timeout),
            early: Early::default(),
            refused: Refusals::new(),
        }
    }

    fn resend_after(&self) -> Duration {
        self.seat.config.timing.quorum_timeout / RESENDS
    }

    /// The view in which at least one correct replica is: the (f+1)-th highest that was heard.
    fn view(&self, membership: &Membership) -> u32 {
        let mut views: Vec<u32> = self.views.values().copied().collect();
        views.sort_unstable_by(|a, b| b.cmp(a));
        views
            .get(usize::from(membership.faulty()))
            .copied()
            .unwrap_or(self.guess)
    }

    /// Starts a request in a free slot while jobs wait, or, if [`EAGER`] are under way, while they fill one.
    fn pump(&mut self, now: Instant, out: &mut Vec<ClientEvent>) {
        let Some(membership) = self.membership.clone() else {
            return;
        };
        for slot in 0..SLOTS {
            if self.flights.contains_key(&slot) {
                continue;
            }
            if !self.is_worth(slot) {
                return;
            }
            let items = self.next_batch();
            self.timestamp += 1;
            self.launch(&membership, now, slot, self.timestamp, items, out);
        }
    }

    /// Whether what waits makes a request of this free slot.
    fn is_worth(&self, slot: u8) -> bool {
        if self.flights.len() < EAGER {
            return !self.waiting.is_empty();
        }
        let bytes = |items: usize| self.waiting.iter().take(items).map(Item::bytes).sum::<usize>();
        self.waiting.len() >= MAX_BATCH && (usize::from(slot) < EAGER || bytes(MAX_BATCH) <= SMALL_BYTES)
    }

    fn launch(
        &mut self,
        membership: &Membership,
        now: Instant,
        slot: u8,
        timestamp: u64,
        items: Arc<[Item]>,
        out: &mut Vec<ClientEvent>,
    ) {
        let mut request = Request {
            incarnation: self.seat.incarnation,
            slot,
            timestamp,
            items,
            signature: Signature::new(),
        };
        let content = Content::of(membership.suite(), &request);
        self.effort.signed += 1;
        request.signature = self
            .seat
            .keys
            .sign(&statement::request(&membership.scope, content.digest));
        let leader = primary(membership, self.view(membership));
        if !self.ordered || self.lost.contains(leader) {
            to_all(membership, &request, out);
        } else {
            out.push(send(membership, leader, &request));
        }
        let resend = now + self.resend_after();
        self.flights
            .insert(slot, Flight::new(request, content.jobs, resend));
    }

    fn next_batch(&mut self) -> Arc<[Item]> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.waiting.front() {
            bytes += item.bytes();
            if items.len() == MAX_BATCH || (bytes > BATCH_BYTES && !items.is_empty()) {
                break;
            }
            items.extend(self.waiting.pop_front());
        }
        items.into()
    }

    fn take(&mut self, now: Instant, message: Message, out: &mut Vec<ClientEvent>) -> Result<(), Refusal> {
        let membership = self.membership.clone().ok_or(Refusal::Unconfigured)?;
        let view = message.view;
        let crate::Body::Pbft(body) = message.body else {
            return Err(Refusal::Misdirected);
        };
        let Body::Reply(reply) = *body else {
            return Err(Refusal::Misdirected);
        };
        self.reply(&membership, now, view, reply, out)
    }
}

impl crate::Client for Client {
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), MembershipError> {
        if self.seat.node.set() != Some(record.id) {
            return Ok(());
        }
        let fresh = Membership::from_record(record, self.seat.cluster, &self.seat.config)?;
        let known = self.membership.as_deref();
        if fresh.founded().is_none() || !is_news(known, record.epoch, &fresh) {
            return Ok(());
        }
        let guess = known.map_or(0, |known| u32::from(primary(known, self.view(known))));
        let epoch = fresh.epoch();
        let fresh = Arc::new(fresh);
        let same = self
            .membership
            .as_ref()
            .is_some_and(|known| known.epoch() == epoch);
        self.membership = Some(fresh.clone());
        if !same {
            self.guess = guess;
            self.views.clear();
            self.lost = Lost::default();
            self.pulse = Pulse::new(self.seat.config.timing.quorum_timeout);
            // Under the same timestamps: what the old epoch executed is answered, not executed again.
            for (slot, flight) in std::mem::take(&mut self.flights) {
                let Request { timestamp, items, .. } = flight.request;
                self.launch(&fresh, now, slot, timestamp, items, out);
            }
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
        let result = if Some(message.set) != self.seat.node.set() {
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
        let again = self.resend_after();
        for flight in self.flights.values_mut() {
            if flight.resend <= now {
                // Those who executed it answer again, the others begin to watch the primary.
                to_all(&membership, &flight.request, out);
                flight.resend = now + again;
            }
        }
        let silent = self.pulse.check(now);
        if silent.is_empty() {
            return;
        }
        for member in &silent {
            self.suspect(
                &membership,
                *member,
                "no reply for a quorum timeout while others reply",
                out,
            );
        }
        if self.pulse.tell(false) {
            let members = membership.size();
            out.push(ClientEvent::Degraded {
                voting: members.saturating_sub(self.pulse.silent()),
                members,
            });
        }
    }

    fn peer_lost(&mut self, now: Instant, peer: NodeId, out: &mut Vec<ClientEvent>) {
        let (Some(membership), NodeId::Replica(_, index)) = (self.membership.clone(), peer) else {
            return;
        };
        let grace = Settings::of(&self.seat.config).grace;
        let news = self.lost.lost(now, index, grace);
        if news && self.ordered && index == primary(&membership, self.view(&membership)) {
            for flight in self.flights.values() {
                to_all(&membership, &flight.request, out);
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.membership.as_ref()?;
        let flights = self
            .flights
            .values()
            .map(|flight| flight.resend)
            .min()
            .map(|at| Deadline {
                at,
                reason: "fewer than f+1 replicas have answered",
            });
        let pulse = self.pulse.at().map(|at| Deadline {
            at,
            reason: "a replica owes a reply",
        });
        Deadline::earlier(flights, pulse)
    }

    fn effort(&self) -> Effort {
        self.effort
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}

fn to_all(membership: &Membership, request: &Request, out: &mut Vec<ClientEvent>) {
    for (index, _) in membership.replicas() {
        out.push(send(membership, index, request));
    }
}

fn send(membership: &Membership, index: u8, request: &Request) -> ClientEvent {
    ClientEvent::Send(Outgoing {
        to: NodeId::Replica(membership.set(), index),
        message: Message {
            set: membership.set(),
            epoch: membership.epoch(),
            view: 0,
            body: crate::Body::Pbft(Box::new(Body::Request(request.clone()))),
        },
    })
}
