//! The queue model behind a lock, with wakeups for those who wait: no polling, the next event is always known.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tally_model::{Delivery, Depth, Instant, QueueName, Receipt};
use tally_substrate::{MessageId, Placement, Queues};
use tokio::sync::Notify;
use tokio::time::Instant as TokioInstant;

use crate::limits::WAIT;

/// Queues that can be waited for.
#[derive(Debug)]
pub(crate) struct Broker {
    queues: Mutex<Queues>,
    /// Told when a message becomes visible, or may become visible earlier than those who sleep believe.
    arrivals: [Notify; QueueName::ALL.len()],
    origin: TokioInstant,
}

impl Broker {
    pub(crate) fn new(queues: Queues) -> Self {
        Self {
            queues: Mutex::new(queues),
            arrivals: std::array::from_fn(|_| Notify::new()),
            origin: TokioInstant::now(),
        }
    }

    /// Names messages that are to be admitted later.
    pub(crate) fn reserve(&self, bodies: Vec<String>) -> Vec<(MessageId, String)> {
        let mut queues = self.lock();
        bodies.into_iter().map(|body| (queues.reserve(), body)).collect()
    }

    /// Makes messages receivable.
    pub(crate) fn admit(&self, messages: impl IntoIterator<Item = (QueueName, MessageId, String)>) {
        let mut touched = [false; QueueName::ALL.len()];
        {
            let mut queues = self.lock();
            for (queue, id, body) in messages {
                queues.insert(id, queue, body);
                touched[queue.index()] = true;
            }
        }
        for (arrival, _) in self.arrivals.iter().zip(touched).filter(|&(_, touched)| touched) {
            arrival.notify_waiters();
        }
    }

    /// Takes messages, waiting for the first one: for a send, a message given back, or the end of a lease.
    pub(crate) async fn receive(&self, queue: QueueName, limit: usize, wait: Duration) -> Vec<Delivery> {
        let end = TokioInstant::now() + wait.min(WAIT);
        loop {
            let arrival = self.arrivals[queue.index()].notified();
            tokio::pin!(arrival);
            // From here on no wakeup is missed.
            arrival.as_mut().enable();
            let (deliveries, deadline) = self.change(queue, |queues, now| {
                (queues.receive(now, queue, limit), queues.deadline(queue))
            });
            if !deliveries.is_empty() || limit == 0 || TokioInstant::now() >= end {
                return deliveries;
            }
            let until = deadline.map_or(end, |deadline| end.min(self.moment(deadline)));
            tokio::select! {
                () = arrival => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    pub(crate) fn delete(&self, queue: QueueName, receipts: &[Receipt]) -> usize {
        self.change(queue, |queues, now| queues.delete(now, queue, receipts))
    }

    pub(crate) fn extend(&self, queue: QueueName, receipts: &[Receipt], lease: Duration) -> usize {
        let stale = self.change(queue, |queues, now| queues.extend(now, queue, receipts, lease));
        if lease.is_zero() {
            self.arrivals[queue.index()].notify_waiters();
            self.arrivals[QueueName::Dead.index()].notify_waiters();
        }
        stale
    }

    pub(crate) fn depth(&self, queue: QueueName) -> Depth {
        self.change(queue, |queues, now| queues.depth(now, queue))
    }

    /// Whether there is anything for [`Broker::take_changes`].
    pub(crate) fn has_changes(&self) -> bool {
        self.lock().has_changes()
    }

    pub(crate) fn take_changes(&self) -> Vec<(MessageId, Option<Placement>)> {
        self.lock().take_changes()
    }

    /// Changes the queues, and wakes those who sleep too long for what changed.
    fn change<T>(&self, queue: QueueName, act: impl FnOnce(&mut Queues, Instant) -> T) -> T {
        let mut queues = self.lock();
        let watched = [queue, QueueName::Dead];
        let before = watched.map(|queue| queues.deadline(queue));
        let result = act(&mut queues, self.now());
        let after = watched.map(|queue| queues.deadline(queue));
        drop(queues);
        for ((queue, before), after) in watched.into_iter().zip(before).zip(after) {
            if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
                self.arrivals[queue.index()].notify_waiters();
            }
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    fn moment(&self, at: Instant) -> TokioInstant {
        self.origin + at.since(Instant::ZERO)
    }
}
