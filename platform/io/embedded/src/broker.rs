//! The queue model behind a lock, with wakeups for those who wait: no polling, the next event is always known.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tally_model::{Delivery, Instant, Receipt};
use tally_substrate::{Census, MessageId, Placement, Policy, QueueId, Queues};
use tokio::sync::Notify;
use tokio::time::Instant as TokioInstant;

use crate::limits::WAIT;

/// A message that becomes receivable after a delay.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) queue: QueueId,
    pub(crate) id: MessageId,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

/// Queues that can be waited for.
#[derive(Debug)]
pub(crate) struct Broker {
    state: Mutex<State>,
    origin: TokioInstant,
}

#[derive(Debug)]
struct State {
    queues: Queues,
    /// Told when a message becomes visible, or may become visible earlier than those who sleep believe. One for each queue
    /// that somebody has ever waited for.
    arrivals: BTreeMap<QueueId, Arc<Notify>>,
}

impl State {
    fn tell(&self, queue: QueueId) {
        if let Some(arrival) = self.arrivals.get(&queue) {
            arrival.notify_waiters();
        }
    }
}

impl Broker {
    pub(crate) fn new(queues: Queues) -> Self {
        Self {
            state: Mutex::new(State {
                queues,
                arrivals: BTreeMap::new(),
            }),
            origin: TokioInstant::now(),
        }
    }

    /// Makes a queue, or changes its policy.
    pub(crate) fn configure(&self, queue: QueueId, policy: Policy) {
        let mut state = self.lock();
        state.queues.configure(queue, policy);
        // Another policy may move a deadline to any queue.
        for arrival in state.arrivals.values() {
            arrival.notify_waiters();
        }
    }

    /// Deletes every message of a queue.
    pub(crate) fn purge(&self, queue: QueueId) -> usize {
        self.lock().queues.purge(queue)
    }

    /// Names messages that are to be admitted later.
    pub(crate) fn reserve(&self, bodies: Vec<String>) -> Vec<(MessageId, String)> {
        let mut state = self.lock();
        bodies
            .into_iter()
            .map(|body| (state.queues.reserve(), body))
            .collect()
    }

    /// Makes messages receivable.
    pub(crate) fn admit(&self, messages: impl IntoIterator<Item = Admitted>) {
        let now = self.now();
        let mut state = self.lock();
        let mut touched = Vec::new();
        for Admitted {
            queue,
            id,
            body,
            delay,
        } in messages
        {
            if delay.is_zero() {
                state.queues.insert(id, queue, body);
            } else {
                state.queues.insert_delayed(id, queue, body, now + delay);
            }
            if touched.last() != Some(&queue) {
                touched.push(queue);
            }
        }
        for queue in touched {
            state.tell(queue);
        }
    }

    /// Takes messages, waiting for the first one: for a send, a message given back, or the end of a lease or delay. `lease`
    /// overrides that of the queue.
    pub(crate) async fn receive(
        &self,
        queue: QueueId,
        limit: usize,
        wait: Duration,
        lease: Option<Duration>,
    ) -> Vec<Delivery> {
        let end = TokioInstant::now() + wait.min(WAIT);
        let arrivals = Arc::clone(self.lock().arrivals.entry(queue).or_default());
        loop {
            let arrival = arrivals.notified();
            tokio::pin!(arrival);
            // From here on no wakeup is missed.
            arrival.as_mut().enable();
            let (deliveries, deadline) = self.change(queue, |queues, now| {
                let deliveries = match lease {
                    Some(lease) => queues.receive_for(now, queue, limit, lease),
                    None => queues.receive(now, queue, limit),
                };
                (deliveries, queues.deadline(queue))
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

    pub(crate) fn delete(&self, queue: QueueId, receipts: &[Receipt]) -> usize {
        self.change(queue, |queues, now| queues.delete(now, queue, receipts))
    }

    pub(crate) fn extend(&self, queue: QueueId, receipts: &[Receipt], lease: Duration) -> usize {
        let stale = self.change(queue, |queues, now| queues.extend(now, queue, receipts, lease));
        if lease.is_zero() {
            let state = self.lock();
            state.tell(queue);
            state
                .queues
                .redrive_of(queue)
                .into_iter()
                .for_each(|dead| state.tell(dead));
        }
        stale
    }

    pub(crate) fn census(&self, queue: QueueId) -> Census {
        self.change(queue, |queues, now| queues.census(now, queue))
    }

    /// Bytes of the bodies of all queues.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().queues.bytes()
    }

    /// The queues that have messages.
    pub(crate) fn occupied(&self) -> Vec<QueueId> {
        self.lock().queues.occupied()
    }

    /// Whether there is anything for [`Broker::take_changes`].
    pub(crate) fn has_changes(&self) -> bool {
        self.lock().queues.has_changes()
    }

    pub(crate) fn take_changes(&self) -> Vec<(MessageId, Option<Placement>)> {
        self.lock().queues.take_changes()
    }

    /// Changes the queues, and wakes those who sleep too long for what changed.
    fn change<T>(&self, queue: QueueId, act: impl FnOnce(&mut Queues, Instant) -> T) -> T {
        let mut state = self.lock();
        let watched = [Some(queue), state.queues.redrive_of(queue)];
        let deadlines = |queues: &Queues| watched.map(|queue| queues.deadline(queue?));
        let before = deadlines(&state.queues);
        let result = act(&mut state.queues, self.now());
        let after = deadlines(&state.queues);
        for ((queue, before), after) in watched.into_iter().zip(before).zip(after) {
            let earlier = after.is_some_and(|after| before.is_none_or(|before| after < before));
            if let Some(queue) = queue.filter(|_| earlier) {
                state.tell(queue);
            }
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    fn moment(&self, at: Instant) -> TokioInstant {
        self.origin + at.since(Instant::ZERO)
    }
}
