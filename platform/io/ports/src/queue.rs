//! Queues, in the weak semantics of SQS standard queues.

use std::future::Future;
use std::time::Duration;

use tally_model::{Delivery, Depth, QueueName, Receipt};

use crate::Failure;

/// Seven queues and a dead-letter queue. Promises: what `send` returned for is delivered at least once unless deleted, in
/// any order, by any receiver; depth is approximate. After the configured number of receives without a delete a
/// message moves to [`QueueName::Dead`] (bodies there are the bodies that were sent).
pub trait Queue: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Failure;

    /// Stores messages; all are durable when it returns.
    fn send(
        &self,
        queue: QueueName,
        bodies: Vec<String>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Takes up to `limit` messages under a visibility lease; waits up to `wait` for the first one. May return fewer.
    fn receive(
        &self,
        queue: QueueName,
        limit: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Delivery>, Self::Error>> + Send;

    /// Deletes received messages. Returns how many receipts were stale (the message has a newer owner, or is gone);
    /// a stale receipt deletes nothing.
    fn delete(
        &self,
        queue: QueueName,
        receipts: Vec<Receipt>,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;

    /// Sets the remaining lease of received messages, zero to give them back. Returns the number of stale receipts.
    fn extend(
        &self,
        queue: QueueName,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;

    /// How full it is.
    fn depth(&self, queue: QueueName) -> impl Future<Output = Result<Depth, Self::Error>> + Send;
}
