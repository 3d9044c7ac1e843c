//! [`Embedded`] as a queue: sends wait for the disk, everything else is memory and follows.

use std::time::Duration;

use tally_model::{Delivery, Depth, QueueName, Receipt};
use tally_ports::Queue;

use crate::commit::Work;
use crate::limits::{BODY_LIMIT, at_most};
use crate::{Embedded, Error};

impl Queue for Embedded {
    type Error = Error;

    async fn send(&self, queue: QueueName, bodies: Vec<String>) -> Result<(), Error> {
        if bodies.is_empty() {
            return self.check();
        }
        for body in &bodies {
            at_most("body", body.len(), BODY_LIMIT)?;
        }
        let bytes = bodies.iter().map(String::len).sum();
        let messages = self.0.parts.broker.reserve(bodies);
        self.0
            .writer
            .submit(bytes, |done| Work::Send {
                queue,
                messages,
                done,
            })
            .await
    }

    async fn receive(&self, queue: QueueName, limit: usize, wait: Duration) -> Result<Vec<Delivery>, Error> {
        self.check()?;
        let deliveries = tokio::select! {
            biased;
            deliveries = self.0.parts.broker.receive(queue, limit, wait) => deliveries,
            error = self.broken() => return Err(error),
        };
        self.flush_changes();
        Ok(deliveries)
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<Receipt>) -> Result<usize, Error> {
        self.check()?;
        let stale = self.0.parts.broker.delete(queue, &receipts);
        self.flush_changes();
        Ok(stale)
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<usize, Error> {
        self.check()?;
        let stale = self.0.parts.broker.extend(queue, &receipts, lease);
        self.flush_changes();
        Ok(stale)
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, Error> {
        self.check()?;
        let depth = self.0.parts.broker.depth(queue);
        self.flush_changes();
        Ok(depth)
    }
}
