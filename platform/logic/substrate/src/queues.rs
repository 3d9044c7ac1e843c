//! Eight queues in the semantics of SQS standard queues, without a clock and without a disk.
//!
//! A message is visible or leased. Receiving leases it and gives a receipt; the receipt is good until the message is
//! received again, deleted or dead-lettered. A lease that ends makes the message visible again, or moves it to
//! [`QueueName::Dead`] when it was received often enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::{Delivery, Depth, Instant, QueueName, Receipt};

use crate::message::{Message, State};
use crate::receipt::ReceiptParts;
use crate::{MessageId, Placement, Settings};

/// One queue: its messages by the order in which they are next handed out or timed out.
#[derive(Clone, Debug, Default)]
struct Lane {
    visible: BTreeSet<(u64, MessageId)>,
    leased: BTreeSet<(Instant, MessageId)>,
}

/// All queues of one platform.
#[derive(Clone, Debug)]
pub struct Queues {
    settings: Settings,
    generation: u64,
    next_message: u64,
    next_place: u64,
    next_receipt: u64,
    messages: BTreeMap<MessageId, Message>,
    lanes: [Lane; QueueName::ALL.len()],
    /// Messages whose placement differs from what was last taken by [`Queues::take_changes`]; `None` if nobody takes.
    changed: Option<BTreeSet<MessageId>>,
}

impl Queues {
    /// Empty queues.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            generation: 0,
            next_message: 1,
            next_place: 0,
            next_receipt: 1,
            messages: BTreeMap::new(),
            lanes: std::array::from_fn(|_| Lane::default()),
            changed: None,
        }
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

    /// Names a message that will be inserted later, once it is durable.
    pub fn reserve(&mut self) -> MessageId {
        let id = MessageId(self.next_message);
        self.next_message += 1;
        id
    }

    /// Makes a reserved message receivable. What is inserted is known to be persisted, so it is not a change.
    pub fn insert(&mut self, id: MessageId, queue: QueueName, body: String) {
        self.restore(id, Placement { queue, received: 0 }, body);
    }

    /// Puts a persisted message back as it was, without its lease; dead-letters it if it was received often enough.
    pub fn restore(&mut self, id: MessageId, placement: Placement, body: String) {
        self.next_message = self.next_message.max(id.0 + 1);
        let message = Message {
            body,
            placement,
            receipt: None,
            state: State::Visible(0),
        };
        let previous = self.messages.insert(id, message);
        assert!(previous.is_none(), "message {id:?} was inserted twice");
        self.release(id);
    }

    /// Sends a message: it is receivable at once.
    pub fn send(&mut self, queue: QueueName, body: String) -> MessageId {
        let id = self.reserve();
        self.insert(id, queue, body);
        id
    }

    /// Takes up to `limit` messages under the configured lease.
    pub fn receive(&mut self, now: Instant, queue: QueueName, limit: usize) -> Vec<Delivery> {
        self.expire(now);
        let mut deliveries = Vec::new();
        while deliveries.len() < limit {
            let Some((_, id)) = self.lanes[queue.index()].visible.pop_first() else {
                break;
            };
            deliveries.extend(self.lease(id, now + self.settings.visibility));
        }
        deliveries
    }

    /// Deletes received messages; returns how many receipts were stale. A receipt whose lease has ended is good as long
    /// as nobody else has received the message.
    pub fn delete(&mut self, now: Instant, queue: QueueName, receipts: &[Receipt]) -> usize {
        self.expire(now);
        let before = receipts.len();
        let deleted = receipts
            .iter()
            .filter(|receipt| self.delete_one(queue, receipt))
            .count();
        before - deleted
    }

    /// Sets the remaining lease, zero to give messages back; returns how many receipts were stale. A lease that has
    /// ended cannot be extended (SQS: `MessageNotInflight`).
    pub fn extend(&mut self, now: Instant, queue: QueueName, receipts: &[Receipt], lease: Duration) -> usize {
        self.expire(now);
        let extended = receipts
            .iter()
            .filter(|receipt| self.extend_one(now, queue, receipt, lease))
            .count();
        receipts.len() - extended
    }

    /// How full a queue is at `now`.
    pub fn depth(&mut self, now: Instant, queue: QueueName) -> Depth {
        self.expire(now);
        let lane = &self.lanes[queue.index()];
        Depth {
            visible: lane.visible.len() as u64,
            in_flight: lane.leased.len() as u64,
        }
    }

    /// Ends every lease that is over at `now`. All other calls do this first.
    pub fn expire(&mut self, now: Instant) {
        for queue in QueueName::ALL {
            while let Some(&(until, id)) = self.lanes[queue.index()].leased.first() {
                if until > now {
                    break;
                }
                self.lanes[queue.index()].leased.remove(&(until, id));
                self.release(id);
            }
        }
    }

    /// When a message may next appear in this queue by itself. Any lease can end in the dead-letter queue.
    pub fn deadline(&self, queue: QueueName) -> Option<Instant> {
        let first = |lane: &Lane| lane.leased.first().map(|&(until, _)| until);
        match queue {
            QueueName::Dead => self.lanes.iter().filter_map(first).min(),
            _ => first(&self.lanes[queue.index()]),
        }
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

    /// Whether no queue has a message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn note(&mut self, id: MessageId) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
    }

    /// Leases a message that was just taken out of the line.
    fn lease(&mut self, id: MessageId, until: Instant) -> Option<Delivery> {
        let serial = self.next_receipt;
        self.next_receipt += 1;
        let message = self.messages.get_mut(&id)?;
        message.placement.received += 1;
        message.receipt = Some(serial);
        message.state = State::Leased(until);
        let delivery = Delivery {
            body: message.body.clone(),
            receipt: ReceiptParts {
                generation: self.generation,
                message: id,
                serial,
            }
            .write(),
            received: message.placement.received,
        };
        self.lanes[message.placement.queue.index()]
            .leased
            .insert((until, id));
        self.note(id);
        Some(delivery)
    }

    /// Puts a message that nobody holds at the end of the line it belongs in.
    fn release(&mut self, id: MessageId) {
        let place = self.next_place;
        self.next_place += 1;
        let receives = self.settings.receives.max(1);
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        let dead = message.placement.queue != QueueName::Dead && message.placement.received >= receives;
        if dead {
            message.placement = Placement {
                queue: QueueName::Dead,
                received: 0,
            };
            message.receipt = None;
        }
        message.state = State::Visible(place);
        self.lanes[message.placement.queue.index()]
            .visible
            .insert((place, id));
        if dead {
            self.note(id);
        }
    }

    /// The message that a receipt is good for.
    fn owned(&self, queue: QueueName, receipt: &Receipt) -> Option<(MessageId, State)> {
        let parts = ReceiptParts::read(receipt)?;
        let message = self.messages.get(&parts.message)?;
        let current = parts.generation == self.generation
            && message.receipt == Some(parts.serial)
            && message.placement.queue == queue;
        current.then_some((parts.message, message.state))
    }

    fn delete_one(&mut self, queue: QueueName, receipt: &Receipt) -> bool {
        let Some((id, state)) = self.owned(queue, receipt) else {
            return false;
        };
        let lane = &mut self.lanes[queue.index()];
        match state {
            State::Visible(place) => lane.visible.remove(&(place, id)),
            State::Leased(until) => lane.leased.remove(&(until, id)),
        };
        self.messages.remove(&id);
        self.note(id);
        true
    }

    fn extend_one(&mut self, now: Instant, queue: QueueName, receipt: &Receipt, lease: Duration) -> bool {
        let Some((id, State::Leased(old))) = self.owned(queue, receipt) else {
            return false;
        };
        let lane = &mut self.lanes[queue.index()];
        lane.leased.remove(&(old, id));
        if lease.is_zero() {
            self.release(id);
            return true;
        }
        let until = now + lease;
        lane.leased.insert((until, id));
        if let Some(message) = self.messages.get_mut(&id) {
            message.state = State::Leased(until);
        }
        true
    }
}
