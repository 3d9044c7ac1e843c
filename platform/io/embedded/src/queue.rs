//! [`Embedded`] as a queue: sends wait for the disk, everything else is memory and follows.
//!
//! A message can be received while its sender still waits. If the process dies in between, the message is lost and its
//! sender was never told that it is safe, which is what a queue promises; whoever received it died as well.
//!
//! The platform's queues are there from the start. Others are made by [`Embedded::configure`]; what they are called is for
//! their owner to remember.

use std::time::Duration;

use tally_model::{Delivery, Depth, QueueName, Receipt};
use tally_ports::Queue;
use tally_substrate::{Census, Policy, QueueId};

use crate::broker::Admitted;
use crate::commit::Work;
use crate::limits::{BODY_LIMIT, at_most};
use crate::{Embedded, Error};

impl Embedded {
    /// Makes a queue, or changes what it does from now on. Policies are not stored: configure again after opening.
    pub fn configure(&self, queue: impl Into<QueueId>, policy: Policy) {
        self.0.parts.broker.configure(queue.into(), policy);
        self.flush_changes();
    }

    /// Deletes every message of a queue, durably with the next commit; returns how many there were.
    pub fn purge(&self, queue: impl Into<QueueId>) -> usize {
        let purged = self.0.parts.broker.purge(queue.into());
        self.flush_changes();
        purged
    }

    /// See [`Queue::send`]; receivable only after `delay`, which ends with the process.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Broken`].
    pub async fn send_to(
        &self,
        queue: impl Into<QueueId>,
        bodies: Vec<String>,
        delay: Duration,
    ) -> Result<(), Error> {
        self.send_with(queue.into(), bodies, delay, false).await
    }

    /// `patient` sends may ride on somebody else's write, a few milliseconds later.
    async fn send_with(
        &self,
        queue: QueueId,
        bodies: Vec<String>,
        delay: Duration,
        patient: bool,
    ) -> Result<(), Error> {
        if bodies.is_empty() {
            return self.check();
        }
        for body in &bodies {
            at_most("body", body.len(), BODY_LIMIT)?;
        }
        let bytes = bodies.iter().map(String::len).sum();
        let broker = &self.0.parts.broker;
        let messages = broker.reserve(bodies);
        let copies = messages.clone();
        let work = |done| Work::Send {
            queue,
            messages,
            patient,
            done,
        };
        let admitted = copies.into_iter().map(|(id, body)| Admitted {
            queue,
            id,
            body,
            delay,
        });
        self.0.writer.submit(bytes, work, || broker.admit(admitted)).await
    }

    /// See [`Queue::receive`]; `lease` overrides that of the queue.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub async fn receive_from(
        &self,
        queue: impl Into<QueueId>,
        limit: usize,
        wait: Duration,
        lease: Option<Duration>,
    ) -> Result<Vec<Delivery>, Error> {
        self.check()?;
        let deliveries = tokio::select! {
            biased;
            deliveries = self.0.parts.broker.receive(queue.into(), limit, wait, lease) => deliveries,
            error = self.broken() => return Err(error),
        };
        self.flush_changes();
        Ok(deliveries)
    }

    /// See [`Queue::delete`].
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn delete_from(&self, queue: impl Into<QueueId>, receipts: &[Receipt]) -> Result<usize, Error> {
        self.check()?;
        let stale = self.0.parts.broker.delete(queue.into(), receipts);
        self.flush_changes();
        Ok(stale)
    }

    /// See [`Queue::extend`].
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn extend_in(
        &self,
        queue: impl Into<QueueId>,
        receipts: &[Receipt],
        lease: Duration,
    ) -> Result<usize, Error> {
        self.check()?;
        let stale = self.0.parts.broker.extend(queue.into(), receipts, lease);
        self.flush_changes();
        Ok(stale)
    }

    /// How many messages a queue has.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn census(&self, queue: impl Into<QueueId>) -> Result<Census, Error> {
        self.check()?;
        let census = self.0.parts.broker.census(queue.into());
        self.flush_changes();
        Ok(census)
    }

    /// Bytes of the messages of all queues together; they are kept in memory.
    pub fn bytes(&self) -> usize {
        self.0.parts.broker.bytes()
    }

    /// The queues that have messages.
    pub fn occupied(&self) -> Vec<QueueId> {
        self.0.parts.broker.occupied()
    }
}

/// Whether somebody waits for a message to be durable: the client of a request waits for its 202. What the scheduler sends can
/// be received at once, and all that its durability sets free is an earlier message.
const fn is_awaited(queue: QueueName) -> bool {
    matches!(queue, QueueName::Inbound)
}

impl Queue for Embedded {
    type Error = Error;

    async fn send(&self, queue: QueueName, bodies: Vec<String>) -> Result<(), Error> {
        self.send_with(queue.into(), bodies, Duration::ZERO, !is_awaited(queue))
            .await
    }

    async fn receive(&self, queue: QueueName, limit: usize, wait: Duration) -> Result<Vec<Delivery>, Error> {
        self.receive_from(queue, limit, wait, None).await
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<Receipt>) -> Result<usize, Error> {
        self.delete_from(queue, &receipts)
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<usize, Error> {
        self.extend_in(queue, &receipts, lease)
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, Error> {
        let census = self.census(queue)?;
        Ok(Depth {
            visible: census.visible,
            in_flight: census.in_flight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client waits for its 202, and nobody for anything else.
    #[test]
    fn only_requests_are_awaited() {
        let awaited: Vec<QueueName> = QueueName::ALL
            .into_iter()
            .filter(|queue| is_awaited(*queue))
            .collect();
        assert_eq!(awaited, [QueueName::Inbound]);
    }
}
