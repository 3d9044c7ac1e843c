//! Both ports on the pure models alone: for tests, and for what may be forgotten.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tally_model::{Change, Delivery, Depth, Precondition, Put, QueueName, Receipt, Versioned};
use tally_ports::{MetadataStore, Queue, Watch};
use tally_substrate::{Queues, Settings, Store, WatchId};
use tokio::sync::Notify;

use crate::Error;
use crate::broker::{Admitted, Broker};

#[derive(Debug)]
struct Shared {
    broker: Broker,
    store: Mutex<Store>,
    changed: Notify,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queues and metadata that end with the last clone. Follows tokio's clock, a paused one too.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

impl Memory {
    /// Empty queues and an empty store.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared {
            broker: Broker::new(Queues::new(settings)),
            store: Mutex::new(Store::new()),
            changed: Notify::new(),
        }))
    }
}

impl Queue for Memory {
    type Error = Error;

    async fn send(&self, queue: QueueName, bodies: Vec<String>) -> Result<(), Error> {
        let messages = self.0.broker.reserve(bodies);
        self.0
            .broker
            .admit(messages.into_iter().map(|(id, body)| Admitted {
                queue: queue.into(),
                id,
                body,
                delay: Duration::ZERO,
            }));
        Ok(())
    }

    async fn receive(&self, queue: QueueName, limit: usize, wait: Duration) -> Result<Vec<Delivery>, Error> {
        Ok(self.0.broker.receive(queue.into(), limit, wait, None).await)
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<Receipt>) -> Result<usize, Error> {
        Ok(self.0.broker.delete(queue.into(), &receipts))
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<usize, Error> {
        Ok(self.0.broker.extend(queue.into(), &receipts, lease))
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, Error> {
        let census = self.0.broker.census(queue.into());
        Ok(Depth {
            visible: census.visible,
            in_flight: census.in_flight,
        })
    }
}

impl MetadataStore for Memory {
    type Error = Error;
    type Watch = MemoryWatch;

    async fn get(&self, key: &str) -> Result<Option<Versioned>, Error> {
        Ok(self.0.store().get(key).cloned())
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Versioned)>, Error> {
        Ok(self.0.store().list(prefix, limit))
    }

    async fn put(&self, key: &str, value: String, when: Precondition) -> Result<Put, Error> {
        let put = self.0.store().put(key, value, when);
        self.0.changed.notify_waiters();
        Ok(put)
    }

    async fn delete(&self, key: &str, when: Precondition) -> Result<bool, Error> {
        let held = self.0.store().delete(key, when);
        self.0.changed.notify_waiters();
        Ok(held)
    }

    async fn watch(&self, prefix: &str) -> Result<MemoryWatch, Error> {
        let id = self.0.store().watch(prefix);
        Ok(MemoryWatch {
            shared: Arc::clone(&self.0),
            id,
        })
    }
}

/// A watch of [`Memory`].
#[derive(Debug)]
pub struct MemoryWatch {
    shared: Arc<Shared>,
    id: WatchId,
}

impl Watch for MemoryWatch {
    type Error = Error;

    async fn next(&mut self) -> Result<Vec<Change>, Error> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let changes = self.shared.store().changes(self.id);
            if let Some(changes) = changes {
                return Ok(changes);
            }
            changed.await;
        }
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.shared.store().unwatch(self.id);
    }
}
