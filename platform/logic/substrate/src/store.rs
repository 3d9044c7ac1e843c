//! A store of small values: versions, compare-and-put, and watches that may skip to the newest value.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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

/// A key, with its first bytes before it as numbers that compare as they do: most keys of a large store differ in them, so that finding
/// one does not look at the texts of all those on the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    head: [u64; 3],
    text: Box<str>,
}

impl Key {
    fn of(text: &str) -> Self {
        let mut head = [[0; 8]; 3];
        for (part, bytes) in head.iter_mut().zip(text.as_bytes().chunks(8)) {
            part[..bytes.len()].copy_from_slice(bytes);
        }
        Self {
            head: head.map(u64::from_be_bytes),
            text: text.into(),
        }
    }
}

/// The store.
#[derive(Clone, Debug, Default)]
pub struct Store {
    entries: BTreeMap<Key, Versioned>,
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
        self.entries.get(&Key::of(key))
    }

    /// All keys with a prefix, in order, at most `limit`.
    pub fn list(&self, prefix: &str, limit: usize) -> Vec<(String, Versioned)> {
        self.with_prefix(prefix)
            .take(limit)
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    /// Writes if `when` holds.
    pub fn put(&mut self, key: &str, value: String, when: Precondition) -> Put {
        let entry = self.entries.entry(Key::of(key));
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
        let version = self.entries.get(&Key::of(key)).map(|current| current.version);
        if may_delete(when, version) {
            self.revision += 1;
            self.entries.remove(&Key::of(key));
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
            .map(|(key, value)| (key.to_owned(), Some(value.clone())))
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

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Versioned)> {
        self.entries
            .range(Key::of(prefix)..)
            .map(|(key, value)| (&*key.text, value))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: keys have the order of their texts, wherever two texts begin to differ or one of them ends.
    #[test]
    fn keys_have_the_order_of_their_texts() {
        let long = "request/0123456789abcdef0123456789abcdef";
        let mut texts: Vec<String> = (0..=long.len()).map(|end| long[..end].to_owned()).collect();
        let others = texts.clone();
        texts.extend(
            others
                .iter()
                .flat_map(|text| ["\0", "z", "\u{fc}"].map(|end| format!("{text}{end}"))),
        );
        for one in &texts {
            for other in &texts {
                assert_eq!(
                    Key::of(one).cmp(&Key::of(other)),
                    one.cmp(other),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
