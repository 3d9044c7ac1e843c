//! The transitions of one message: placed, leased, released, deleted.

use std::time::Duration;

use tally_model::{Delivery, Instant, Receipt};

use super::Queues;
use crate::message::{Message, State};
use crate::policy::QueueId;
use crate::receipt::ReceiptParts;
use crate::{MessageId, Placement};

impl Queues {
    pub(super) fn note(&mut self, id: MessageId) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
    }

    pub(super) fn place(&mut self, id: MessageId, placement: Placement, body: String, state: State) {
        self.next_message = self.next_message.max(id.0 + 1);
        self.bytes += body.len();
        let message = Message {
            body,
            placement,
            receipt: None,
            state,
        };
        let previous = self.messages.insert(id, message);
        assert!(previous.is_none(), "message {id:?} was inserted twice");
    }

    /// Deletes a message that is in no lane any more.
    pub(super) fn forget(&mut self, id: MessageId) {
        if let Some(message) = self.messages.remove(&id) {
            self.bytes -= message.body.len();
        }
        self.note(id);
    }

    /// Ends what is over in a queue and in those that redrive into it.
    pub(super) fn expire_into(&mut self, now: Instant, queue: QueueId) {
        let sources = self.lanes.get(&queue).map(|lane| lane.sources.clone());
        for source in sources.into_iter().flatten() {
            self.expire_one(now, source);
        }
        self.expire_one(now, queue);
    }

    pub(super) fn expire_one(&mut self, now: Instant, queue: QueueId) {
        while let Some(id) = self.lanes.get_mut(&queue).and_then(|lane| lane.pop_due(now)) {
            self.release(id);
        }
    }

    /// Leases a message that was just taken out of the line.
    pub(super) fn lease(&mut self, id: MessageId, until: Instant) -> Option<Delivery> {
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
        self.lanes
            .entry(message.placement.queue)
            .or_default()
            .enter(id, message.state);
        self.note(id);
        Some(delivery)
    }

    /// Where a message goes that was received too often.
    fn grave(&self, id: MessageId) -> Option<QueueId> {
        let placement = self.messages.get(&id)?.placement;
        let redrive = self.lanes.get(&placement.queue)?.policy.redrive?;
        (placement.received >= redrive.receives.max(1)).then_some(redrive.to)
    }

    pub(super) fn is_dead(&self, id: MessageId) -> bool {
        self.grave(id).is_some()
    }

    /// Puts a message that nobody holds at the end of the line it belongs in.
    pub(super) fn release(&mut self, id: MessageId) {
        let place = self.next_place;
        self.next_place += 1;
        let grave = self.grave(id);
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        if let Some(queue) = grave {
            message.placement = Placement { queue, received: 0 };
            message.receipt = None;
        }
        message.state = State::Visible(place);
        self.lanes
            .entry(message.placement.queue)
            .or_default()
            .enter(id, message.state);
        if grave.is_some() {
            self.note(id);
        }
    }

    /// The message that a receipt is good for.
    fn owned(&self, queue: QueueId, receipt: &Receipt) -> Option<(MessageId, State)> {
        let parts = ReceiptParts::read(receipt)?;
        let message = self.messages.get(&parts.message)?;
        let current = parts.generation == self.generation
            && message.receipt == Some(parts.serial)
            && message.placement.queue == queue;
        current.then_some((parts.message, message.state))
    }

    pub(super) fn delete_one(&mut self, queue: QueueId, receipt: &Receipt) -> bool {
        let Some((id, state)) = self.owned(queue, receipt) else {
            return false;
        };
        self.lanes.entry(queue).or_default().leave(id, state);
        self.forget(id);
        true
    }

    pub(super) fn extend_one(
        &mut self,
        now: Instant,
        queue: QueueId,
        receipt: &Receipt,
        lease: Duration,
    ) -> bool {
        let Some((id, old @ State::Leased(_))) = self.owned(queue, receipt) else {
            return false;
        };
        let lane = self.lanes.entry(queue).or_default();
        lane.leave(id, old);
        if lease.is_zero() {
            self.release(id);
            return true;
        }
        let new = State::Leased(now + lease);
        lane.enter(id, new);
        if let Some(message) = self.messages.get_mut(&id) {
            message.state = new;
        }
        true
    }
}
