//! Queues in the semantics of SQS standard queues, without a clock and without a disk.
//!
//! A message is visible, leased or delayed. Receiving leases it and gives a receipt; the receipt is good until the message
//! is received again, deleted or dead-lettered. A lease that ends makes the message visible again, or moves it to the
//! dead-letter queue when it was received often enough.

mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::{Delivery, Depth, Instant, QueueName, Receipt};

use crate::lane::{Census, Lane};
use crate::message::{Message, State};
use crate::policy::{Policy, QueueId};
use crate::{MessageId, Placement, Settings};

/// All queues of one platform, and those that were configured beside them.
#[derive(Clone, Debug)]
pub struct Queues {
    generation: u64,
    next_message: u64,
    next_place: u64,
    next_receipt: u64,
    messages: BTreeMap<MessageId, Message>,
    /// Bytes of all bodies.
    bytes: usize,
    lanes: BTreeMap<QueueId, Lane>,
    /// Messages whose placement differs from what was last taken by [`Queues::take_changes`]; `None` if nobody takes.
    changed: Option<BTreeSet<MessageId>>,
}

impl Queues {
    /// The platform's queues, empty.
    pub fn new(settings: Settings) -> Self {
        let mut queues = Self {
            generation: 0,
            next_message: 1,
            next_place: 0,
            next_receipt: 1,
            messages: BTreeMap::new(),
            bytes: 0,
            lanes: BTreeMap::new(),
            changed: None,
        };
        for queue in QueueName::ALL {
            queues.configure(queue, settings.policy(queue));
        }
        queues
    }

    /// Empty queues that remember which messages changed, for somebody who persists them. `generation` must differ from
    /// that of all earlier openings: receipts of another generation are stale.
    pub fn persisted(settings: Settings, generation: u64) -> Self {
        Self {
            generation,
            changed: Some(BTreeSet::new()),
            ..Self::new(settings)
        }
    }

    /// Makes a queue, or changes what it does from now on: leases that run keep their end. A queue that is used before it
    /// is configured has the default policy.
    pub fn configure(&mut self, queue: impl Into<QueueId>, policy: Policy) {
        let queue = queue.into();
        if let Some(old) = self.redrive_of(queue)
            && let Some(target) = self.lanes.get_mut(&old)
        {
            target.sources.remove(&queue);
        }
        self.lanes.entry(queue).or_default().policy = policy;
        if let Some(redrive) = policy.redrive {
            self.lanes.entry(redrive.to).or_default().sources.insert(queue);
        }
    }

    /// Deletes every message of a queue; returns how many there were.
    pub fn purge(&mut self, queue: impl Into<QueueId>) -> usize {
        let Some(lane) = self.lanes.get_mut(&queue.into()) else {
            return 0;
        };
        let emptied = lane.emptied();
        let ids: Vec<MessageId> = std::mem::replace(lane, emptied).ids().collect();
        for &id in &ids {
            self.forget(id);
        }
        ids.len()
    }

    /// Where the dead letters of a queue go.
    pub fn redrive_of(&self, queue: impl Into<QueueId>) -> Option<QueueId> {
        Some(self.lanes.get(&queue.into())?.policy.redrive?.to)
    }

    /// The queues as they are after their process died and another opened them: every message is there, every lease has
    /// ended, and receipts of before are stale.
    pub fn reopen(&self) -> Self {
        let lanes = self.lanes.iter().map(|(&queue, lane)| (queue, lane.emptied()));
        let mut opened = Self {
            generation: self.generation + 1,
            next_message: self.next_message,
            next_place: 0,
            next_receipt: self.next_receipt,
            messages: BTreeMap::new(),
            bytes: 0,
            lanes: lanes.collect(),
            changed: self.changed.as_ref().map(|_| BTreeSet::new()),
        };
        for (&id, message) in &self.messages {
            opened.restore(id, message.placement, message.body.clone());
        }
        opened
    }

    /// Names a message that will be inserted later, once it is on its way to the disk.
    pub fn reserve(&mut self) -> MessageId {
        let id = MessageId(self.next_message);
        self.next_message += 1;
        id
    }

    /// Makes a reserved message receivable. What is inserted is written by whoever inserts it, so it is not a change.
    pub fn insert(&mut self, id: MessageId, queue: impl Into<QueueId>, body: String) {
        let queue = queue.into();
        self.restore(id, Placement { queue, received: 0 }, body);
    }

    /// Makes a reserved message receivable at a later moment.
    pub fn insert_delayed(&mut self, id: MessageId, queue: impl Into<QueueId>, body: String, until: Instant) {
        let queue = queue.into();
        self.place(id, Placement { queue, received: 0 }, body, State::Delayed(until));
        self.lanes
            .entry(queue)
            .or_default()
            .enter(id, State::Delayed(until));
    }

    /// Puts a persisted message back as it was, without its lease; dead-letters it if it was received often enough.
    pub fn restore(&mut self, id: MessageId, placement: Placement, body: String) {
        self.place(id, placement, body, State::Visible(0));
        self.release(id);
    }

    /// Sends a message: it is receivable at once.
    pub fn send(&mut self, queue: impl Into<QueueId>, body: String) -> MessageId {
        let id = self.reserve();
        self.insert(id, queue, body);
        id
    }

    /// Takes out a message that was handed over and never became durable, whoever holds it; returns whether it was there.
    pub fn withdraw(&mut self, id: MessageId) -> bool {
        let Some(message) = self.messages.get(&id) else {
            return false;
        };
        let (queue, state) = (message.placement.queue, message.state);
        self.lanes.entry(queue).or_default().leave(id, state);
        self.forget(id);
        true
    }

    /// Takes up to `limit` messages under the configured lease.
    pub fn receive(&mut self, now: Instant, queue: impl Into<QueueId>, limit: usize) -> Vec<Delivery> {
        let queue = queue.into();
        let lease = self.lanes.get(&queue).map(|lane| lane.policy.visibility);
        self.receive_for(now, queue, limit, lease.unwrap_or_default())
    }

    /// Takes up to `limit` messages under a lease of this length; zero leaves them visible.
    pub fn receive_for(
        &mut self,
        now: Instant,
        queue: impl Into<QueueId>,
        limit: usize,
        lease: Duration,
    ) -> Vec<Delivery> {
        let queue = queue.into();
        self.expire_into(now, queue);
        let mut deliveries = Vec::new();
        // With a lease of zero a message is back at once: each is taken once at most.
        let mut turns = self.lanes.get(&queue).map_or(0, |lane| lane.visible.len());
        while deliveries.len() < limit && turns > 0 {
            turns -= 1;
            let Some((_, id)) = self
                .lanes
                .get_mut(&queue)
                .and_then(|lane| lane.visible.pop_first())
            else {
                break;
            };
            // It may have been received too often before the queue was configured to give up.
            if self.is_dead(id) {
                self.release(id);
                continue;
            }
            deliveries.extend(self.lease(id, now + lease));
        }
        if lease.is_zero() {
            self.expire_into(now, queue);
        }
        deliveries
    }

    /// Deletes received messages; returns how many receipts were stale. A receipt whose lease has ended is good as long
    /// as nobody else has received the message.
    pub fn delete(&mut self, now: Instant, queue: impl Into<QueueId>, receipts: &[Receipt]) -> usize {
        let queue = queue.into();
        self.expire_into(now, queue);
        let before = receipts.len();
        let deleted = receipts
            .iter()
            .filter(|receipt| self.delete_one(queue, receipt))
            .count();
        before - deleted
    }

    /// Sets the remaining lease, zero to give messages back; returns how many receipts were stale. A lease that has
    /// ended cannot be extended (SQS: `MessageNotInflight`).
    pub fn extend(
        &mut self,
        now: Instant,
        queue: impl Into<QueueId>,
        receipts: &[Receipt],
        lease: Duration,
    ) -> usize {
        let queue = queue.into();
        self.expire_into(now, queue);
        let extended = receipts
            .iter()
            .filter(|receipt| self.extend_one(now, queue, receipt, lease))
            .count();
        receipts.len() - extended
    }

    /// How full a queue is at `now`.
    pub fn depth(&mut self, now: Instant, queue: impl Into<QueueId>) -> Depth {
        let census = self.census(now, queue);
        Depth {
            visible: census.visible,
            in_flight: census.in_flight,
        }
    }

    /// How full a queue was at the last call of anything else.
    pub fn peek(&self, queue: impl Into<QueueId>) -> Depth {
        let census = self
            .lanes
            .get(&queue.into())
            .map(Lane::census)
            .unwrap_or_default();
        Depth {
            visible: census.visible,
            in_flight: census.in_flight,
        }
    }

    /// How full a queue is at `now`, with what is delayed.
    pub fn census(&mut self, now: Instant, queue: impl Into<QueueId>) -> Census {
        let queue = queue.into();
        self.expire_into(now, queue);
        self.lanes.get(&queue).map(Lane::census).unwrap_or_default()
    }

    /// Ends every lease and delay that is over at `now`. All other calls do this first for what they touch.
    pub fn expire(&mut self, now: Instant) {
        let queues: Vec<QueueId> = self.lanes.keys().copied().collect();
        for queue in queues {
            self.expire_one(now, queue);
        }
    }

    /// When a message may next appear in this queue by itself. A lease of any queue that redrives here can end here.
    pub fn deadline(&self, queue: impl Into<QueueId>) -> Option<Instant> {
        let lane = self.lanes.get(&queue.into())?;
        let sources = lane.sources.iter().filter_map(|source| self.lanes.get(source));
        sources.chain([lane]).filter_map(Lane::deadline).min()
    }

    /// Whether [`Queues::take_changes`] would return anything.
    pub fn has_changes(&self) -> bool {
        self.changed.as_ref().is_some_and(|changed| !changed.is_empty())
    }

    /// Where the messages are that changed since the last call; `None` for a deleted one. Several changes of one message
    /// are one.
    pub fn take_changes(&mut self) -> Vec<(MessageId, Option<Placement>)> {
        let changed = self.changed.as_mut().map(std::mem::take).unwrap_or_default();
        changed
            .into_iter()
            .map(|id| (id, self.messages.get(&id).map(|message| message.placement)))
            .collect()
    }

    /// Messages that are not deleted, in all queues.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Bytes of their bodies.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The queues that have messages.
    pub fn occupied(&self) -> Vec<QueueId> {
        let occupied = self.lanes.iter().filter(|(_, lane)| lane.ids().next().is_some());
        occupied.map(|(&queue, _)| queue).collect()
    }

    /// Whether no queue has a message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}
