//! A store of small values: versions, compare-and-put, and watches that may skip to the newest value.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use tally_model::{Change, Precondition, Put, Versioned};

use crate::{holds, may_delete};

/// Names a watch until it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchId(u64);

/// A running watch: per key the newest change that was not told yet, so that it is bounded by the number of keys.
#[derive(Clone, Debug)]
struct Feed {
    prefix: String,
    pending: BTreeMap<String, Option<Versioned>>,
    opened: bool,
}

/// The store.
#[derive(Clone, Debug, Default)]
pub struct Store {
    entries: BTreeMap<String, Versioned>,
    revision: u64,
    feeds: BTreeMap<WatchId, Feed>,
    next_watch: u64,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The newest value.
    pub fn get(&self, key: &str) -> Option<&Versioned> {
        self.entries.get(key)
    }

    /// All keys with a prefix, in order, at most `limit`.
    pub fn list(&self, prefix: &str, limit: usize) -> Vec<(String, Versioned)> {
        self.with_prefix(prefix)
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Writes if `when` holds.
    pub fn put(&mut self, key: &str, value: String, when: Precondition) -> Put {
        let entry = self.entries.entry(key.to_owned());
        let version = match &entry {
            Entry::Occupied(current) => Some(current.get().version),
            Entry::Vacant(_) => None,
        };
        if !holds(when, version) {
            return Put::Refused(match entry {
                Entry::Occupied(current) => Some(current.get().clone()),
                Entry::Vacant(_) => None,
            });
        }
        self.revision += 1;
        let version = self.revision;
        let written = entry.insert_entry(Versioned { value, version });
        tell(&mut self.feeds, key, Some(written.get()));
        Put::Written(version)
    }

    /// Deletes if `when` holds; returns whether it held. `Absent` never deletes.
    pub fn delete(&mut self, key: &str, when: Precondition) -> bool {
        let version = self.entries.get(key).map(|current| current.version);
        if may_delete(when, version) {
            self.revision += 1;
            self.entries.remove(key);
            tell(&mut self.feeds, key, None);
        }
        holds(when, version)
    }

    /// Grows with every write and delete; the version of the newest write is at most this.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Starts a watch of all keys with a prefix.
    pub fn watch(&mut self, prefix: &str) -> WatchId {
        let id = WatchId(self.next_watch);
        self.next_watch += 1;
        let pending = self
            .with_prefix(prefix)
            .map(|(key, value)| (key.clone(), Some(value.clone())))
            .collect();
        self.feeds.insert(
            id,
            Feed {
                prefix: prefix.to_owned(),
                pending,
                opened: false,
            },
        );
        id
    }

    /// What changed since the last call, the newest value of each key; the first call returns every existing key, possibly
    /// none. `None` if there is nothing to tell yet, and for a watch that was ended.
    pub fn changes(&mut self, watch: WatchId) -> Option<Vec<Change>> {
        let feed = self.feeds.get_mut(&watch)?;
        if feed.opened && feed.pending.is_empty() {
            return None;
        }
        feed.opened = true;
        let pending = std::mem::take(&mut feed.pending);
        Some(
            pending
                .into_iter()
                .map(|(key, value)| Change { key, value })
                .collect(),
        )
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, watch: WatchId) {
        self.feeds.remove(&watch);
    }

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Versioned)> {
        self.entries
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}

fn tell(feeds: &mut BTreeMap<WatchId, Feed>, key: &str, value: Option<&Versioned>) {
    for feed in feeds.values_mut().filter(|feed| key.starts_with(&feed.prefix)) {
        // A key that came and went before the first call never existed for this watch.
        if !feed.opened && value.is_none() {
            feed.pending.remove(key);
        } else {
            feed.pending.insert(key.to_owned(), value.cloned());
        }
    }
}
