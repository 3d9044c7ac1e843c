//! Which queues there are. Stored beside the messages, so that a name never outlives its queue nor the other way round.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tally_embedded::{Embedded, Policy, QueueId, Redrive};
use tally_model::Precondition;
use tally_ports::MetadataStore;
use tokio::sync::Mutex;

use crate::attributes::Attributes;
use crate::envelope::now;
use crate::fault::{Fault, Kind};

/// Begins the key of every queue.
const PREFIX: &str = "sqs/queue/";
/// Key of the id that the next queue gets; ids are never used twice.
const NEXT: &str = "sqs/next";
/// The account that everything belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    id: u32,
    /// Unix seconds.
    pub(crate) created: u64,
    /// Unix seconds.
    pub(crate) modified: u64,
    pub(crate) attributes: Attributes,
}

impl Entry {
    /// Its queue in the store.
    pub(crate) fn id(&self) -> QueueId {
        QueueId(self.id)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Registry {
    queues: RwLock<BTreeMap<String, Entry>>,
    /// Held while queues are created, changed or deleted.
    changing: Mutex<()>,
    most: usize,
}

impl Registry {
    /// Reads the queues and configures the store; messages of queues that no longer exist are deleted.
    pub(crate) async fn open(store: &Embedded, most: usize) -> Result<Self, tally_embedded::Error> {
        let mut queues = BTreeMap::new();
        for (key, value) in store.list(PREFIX, usize::MAX).await? {
            match serde_json::from_str::<Entry>(&value.value) {
                Ok(entry) => drop(queues.insert(key[PREFIX.len()..].to_owned(), entry)),
                Err(error) => tracing::error!(key, %error, "a queue cannot be read and is left alone"),
            }
        }
        for orphan in store.occupied() {
            if !queues.values().any(|entry| entry.id() == orphan) {
                let messages = store.purge(orphan);
                tracing::warn!(
                    queue = orphan.0,
                    messages,
                    "messages of a deleted queue were left"
                );
            }
        }
        let registry = Self {
            queues: RwLock::new(queues),
            changing: Mutex::new(()),
            most,
        };
        registry.configure(store);
        Ok(registry)
    }

    /// A queue by name.
    pub(crate) fn get(&self, name: &str) -> Result<Entry, Fault> {
        self.read(|queues| queues.get(name).cloned())
            .ok_or_else(Fault::no_queue)
    }

    /// Names with a prefix after `after`, in order.
    pub(crate) fn names(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        self.read(|queues| {
            let names = queues.keys().filter(|name| name.starts_with(prefix));
            let names = names.filter(|name| after.is_none_or(|after| name.as_str() > after));
            names.take(limit).cloned().collect()
        })
    }

    /// Names of the queues whose dead letters go to this one.
    pub(crate) fn sources(&self, arn: &str) -> Vec<String> {
        let leads = |entry: &Entry| {
            entry
                .attributes
                .redrive()
                .is_some_and(|policy| policy.target == arn)
        };
        self.read(|queues| {
            let sources = queues.iter().filter(|(_, entry)| leads(entry));
            sources.map(|(name, _)| name.clone()).collect()
        })
    }

    /// Makes a queue unless it exists; one that exists must have the attributes that are given.
    pub(crate) async fn create(
        &self,
        store: &Embedded,
        name: &str,
        given: Attributes,
        largest: usize,
    ) -> Result<(), Fault> {
        let _changing = self.changing.lock().await;
        self.check_target(&given)?;
        if let Ok(entry) = self.get(name) {
            return match given.differs_from(&entry.attributes, largest) {
                None => Ok(()),
                Some(attribute) => Err(Fault::new(
                    Kind::NameExists,
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        if self.read(BTreeMap::len) >= self.most {
            let message = format!("This server keeps at most {} queues.", self.most);
            return Err(Fault::new(Kind::OverLimit, message));
        }
        let mut attributes = Attributes::default();
        attributes.merge(given);
        let entry = Entry {
            id: next_id(store).await?,
            created: now() / 1000,
            modified: now() / 1000,
            attributes,
        };
        self.put(store, name, entry).await
    }

    /// Sets attributes of a queue.
    pub(crate) async fn set(&self, store: &Embedded, name: &str, given: Attributes) -> Result<(), Fault> {
        let _changing = self.changing.lock().await;
        let mut entry = self.get(name)?;
        self.check_target(&given)?;
        entry.attributes.merge(given);
        entry.modified = now() / 1000;
        self.put(store, name, entry).await
    }

    /// Deletes a queue with its messages, in one commit.
    pub(crate) async fn delete(&self, store: &Embedded, name: &str) -> Result<(), Fault> {
        let _changing = self.changing.lock().await;
        let entry = self.get(name)?;
        self.write(|queues| queues.remove(name));
        store.configure(entry.id(), Policy::default());
        store.purge(entry.id());
        self.configure(store);
        MetadataStore::delete(store, &format!("{PREFIX}{name}"), Precondition::Any).await?;
        Ok(())
    }

    async fn put(&self, store: &Embedded, name: &str, entry: Entry) -> Result<(), Fault> {
        let text =
            serde_json::to_string(&entry).map_err(|error| Fault::new(Kind::Internal, error.to_string()))?;
        store
            .put(&format!("{PREFIX}{name}"), text, Precondition::Any)
            .await?;
        self.write(|queues| queues.insert(name.to_owned(), entry));
        self.configure(store);
        Ok(())
    }

    /// A dead-letter queue must exist when it is named.
    fn check_target(&self, given: &Attributes) -> Result<(), Fault> {
        match given.redrive() {
            Some(policy) if self.get(name_of_arn(&policy.target)).is_err() => {
                let message = format!(
                    "Value {} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
                    policy.target
                );
                Err(Fault::new(Kind::Parameter, message))
            }
            _ => Ok(()),
        }
    }

    /// Tells the store what each queue does: a dead-letter queue that was deleted gets nothing until it is back.
    fn configure(&self, store: &Embedded) {
        self.read(|queues| {
            for entry in queues.values() {
                let redrive = entry.attributes.redrive().and_then(|policy| {
                    let target = queues.get(name_of_arn(&policy.target))?;
                    Some(Redrive {
                        to: target.id(),
                        receives: policy.receives,
                    })
                });
                let seconds = entry.attributes.number("VisibilityTimeout", usize::MAX);
                let visibility = std::time::Duration::from_secs(seconds);
                store.configure(entry.id(), Policy { visibility, redrive });
            }
        });
    }

    fn read<T>(&self, act: impl FnOnce(&BTreeMap<String, Entry>) -> T) -> T {
        act(&self.queues.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Entry>) -> T) -> T {
        act(&mut self.queues.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An id that no queue ever had; durable before it is used.
async fn next_id(store: &Embedded) -> Result<u32, Fault> {
    let stored = store.get(NEXT).await?;
    let next = stored
        .and_then(|stored| stored.value.parse().ok())
        .unwrap_or(QueueId::FIRST_FREE.0);
    store.put(NEXT, (next + 1).to_string(), Precondition::Any).await?;
    Ok(next)
}

/// The last part of an ARN, which is the queue's name.
fn name_of_arn(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
