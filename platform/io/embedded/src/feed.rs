//! What watches have not been told yet.
//!
//! A feed keeps the newest change of each key with its prefix. When that becomes too much it keeps nothing but the fact,
//! and the watch lists again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tally_model::Versioned;
use tokio::sync::Notify;

use crate::limits::FEED;

/// One committed change of a key; `None` means deleted.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) key: String,
    pub(crate) revision: u64,
    pub(crate) value: Option<String>,
}

/// Newest change by key: its revision, and the value unless it was deleted.
pub(crate) type Pending = BTreeMap<String, (u64, Option<Versioned>)>;

/// The changes for one watch.
#[derive(Debug)]
pub(crate) struct Feed {
    prefix: String,
    /// `None` once there were too many.
    pending: Mutex<Option<Pending>>,
    changed: Notify,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is pending, at least one change, or `None` if there were too many. Cancel safe.
    pub(crate) async fn take(&self) -> Option<Pending> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut pending = self.lock();
                if pending.as_ref().is_none_or(|pending| !pending.is_empty()) {
                    return pending.replace(Pending::new());
                }
            }
            changed.await;
        }
    }

    fn tell(&self, changes: &[Committed]) {
        let mut pending = self.lock();
        let mut told = false;
        for change in changes
            .iter()
            .filter(|change| change.key.starts_with(&self.prefix))
        {
            let Some(known) = pending.as_mut() else { return };
            let value = change.value.clone();
            let value = value.map(|value| Versioned {
                value,
                version: change.revision,
            });
            known.insert(change.key.clone(), (change.revision, value));
            told = true;
            if known.len() > FEED {
                *pending = None;
            }
        }
        drop(pending);
        if told {
            self.changed.notify_waiters();
        }
    }
}

/// All feeds.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<Vec<Arc<Feed>>>);

impl Feeds {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Feed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self, prefix: &str) -> Arc<Feed> {
        let feed = Arc::new(Feed {
            prefix: prefix.to_owned(),
            pending: Mutex::new(Some(Pending::new())),
            changed: Notify::new(),
        });
        self.lock().push(Arc::clone(&feed));
        feed
    }

    pub(crate) fn close(&self, feed: &Arc<Feed>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, feed));
    }

    /// Tells durable changes, in the order in which they were committed.
    pub(crate) fn tell(&self, changes: &[Committed]) {
        for feed in self.lock().iter() {
            feed.tell(changes);
        }
    }
}
