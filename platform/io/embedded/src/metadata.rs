//! [`Embedded`] as a metadata store: reads see the last commit, writes are decided by the one writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::ReadableDatabase;
use tally_model::{Change, Precondition, Put, Versioned};
use tally_ports::{MetadataStore, Watch};

use crate::commit::Work;
use crate::feed::Feed;
use crate::limits::{KEY_LIMIT, VALUE_LIMIT, at_most};
use crate::{Embedded, Error, tables};

impl Embedded {
    /// All keys with a prefix at one revision, read on a thread that may block.
    async fn snapshot(&self, prefix: &str, limit: usize) -> Result<(u64, Vec<(String, Versioned)>), Error> {
        self.check()?;
        let (database, prefix) = (Arc::clone(&self.0.parts.database), prefix.to_owned());
        let read = move || {
            let transaction = database.begin_read().map_err(Error::read)?;
            tables::list(&transaction, &prefix, limit).map_err(Error::read)
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|error| {
            Err(Error::Read {
                detail: error.to_string(),
            })
        })
    }
}

impl MetadataStore for Embedded {
    type Error = Error;
    type Watch = EmbeddedWatch;

    async fn get(&self, key: &str) -> Result<Option<Versioned>, Error> {
        self.check()?;
        // A few pages, mostly cached: cheaper than handing it to another thread.
        let transaction = self.0.parts.database.begin_read().map_err(Error::read)?;
        tables::get(&transaction, key).map_err(Error::read)
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Versioned)>, Error> {
        Ok(self.snapshot(prefix, limit).await?.1)
    }

    async fn put(&self, key: &str, value: String, when: Precondition) -> Result<Put, Error> {
        at_most("key", key.len(), KEY_LIMIT)?;
        at_most("value", value.len(), VALUE_LIMIT)?;
        let bytes = key.len() + value.len();
        let key = key.to_owned();
        let work = |done| Work::Put {
            key,
            value,
            when,
            done,
        };
        self.0.writer.submit(bytes, work, || ()).await
    }

    async fn delete(&self, key: &str, when: Precondition) -> Result<bool, Error> {
        at_most("key", key.len(), KEY_LIMIT)?;
        let (key, bytes) = (key.to_owned(), key.len());
        let work = |done| Work::Delete { key, when, done };
        self.0.writer.submit(bytes, work, || ()).await
    }

    async fn watch(&self, prefix: &str) -> Result<EmbeddedWatch, Error> {
        self.check()?;
        Ok(EmbeddedWatch {
            feed: self.0.parts.feeds.open(prefix),
            prefix: prefix.to_owned(),
            store: self.clone(),
            started: false,
            listed: None,
            told: BTreeMap::new(),
        })
    }
}

/// A watch of [`Embedded`]. Keeps the file open while it lives.
#[derive(Debug)]
pub struct EmbeddedWatch {
    store: Embedded,
    prefix: String,
    feed: Arc<Feed>,
    /// Whether the first list was told.
    started: bool,
    /// The revision that was last listed, changes up to it are told already; `None` if it must be listed.
    listed: Option<u64>,
    /// Version of each key that exists as far as was told, to find what a new list no longer has.
    told: BTreeMap<String, u64>,
}

impl EmbeddedWatch {
    /// What a list has that was not told, and what it no longer has.
    async fn list(&mut self) -> Result<Vec<Change>, Error> {
        let (revision, listed) = self.store.snapshot(&self.prefix, usize::MAX).await?;
        self.listed = Some(revision);
        let mut gone = std::mem::take(&mut self.told);
        let mut changes = Vec::new();
        for (key, value) in listed {
            self.told.insert(key.clone(), value.version);
            if gone.remove(&key) != Some(value.version) {
                changes.push(Change {
                    key,
                    value: Some(value),
                });
            }
        }
        changes.extend(gone.into_keys().map(|key| Change { key, value: None }));
        Ok(changes)
    }
}

impl Watch for EmbeddedWatch {
    type Error = Error;

    async fn next(&mut self) -> Result<Vec<Change>, Error> {
        loop {
            let Some(listed) = self.listed else {
                let changes = self.list().await?;
                let first = !std::mem::replace(&mut self.started, true);
                if first || !changes.is_empty() {
                    return Ok(changes);
                }
                continue;
            };
            let pending = tokio::select! {
                pending = self.feed.take() => pending,
                error = self.store.broken() => return Err(error),
            };
            let Some(pending) = pending else {
                // Remembered before the next wait, so that a cancelled call loses nothing.
                self.listed = None;
                continue;
            };
            let changes = self.tell(pending, listed);
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }
}

impl EmbeddedWatch {
    /// The changes that no list has told.
    fn tell(&mut self, pending: crate::feed::Pending, listed: u64) -> Vec<Change> {
        let mut changes = Vec::with_capacity(pending.len());
        for (key, (revision, value)) in pending {
            if revision <= listed {
                continue;
            }
            match &value {
                Some(value) => drop(self.told.insert(key.clone(), value.version)),
                None => drop(self.told.remove(&key)),
            }
            changes.push(Change { key, value });
        }
        changes
    }
}

impl Drop for EmbeddedWatch {
    fn drop(&mut self) {
        self.store.0.parts.feeds.close(&self.feed);
    }
}
