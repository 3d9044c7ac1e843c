//! A metadata store that keeps every version of every set record, for auditors.
//!
//! Certificates name the epoch of a record and outlive it, and a watch may skip versions. So whoever writes `sets/` writes each
//! record under a key of its own first: no certificate is of an epoch that nobody knows, whatever dies.

use std::sync::atomic::{AtomicU64, Ordering};

use tally_model::{Precondition, Put, Versioned};
use tally_ports::MetadataStore;
use tally_roles::fleet::SETS_PREFIX;
use tokio::sync::OnceCell;

/// Where the versions are kept.
pub(crate) const HISTORY_PREFIX: &str = "history/";
/// Versions kept; the oldest are written over.
const KEPT: u64 = 16_384;

/// See the module.
#[derive(Debug)]
pub struct Recording<M> {
    store: M,
    next: OnceCell<AtomicU64>,
}

impl<M: MetadataStore> Recording<M> {
    /// Over `store`.
    pub const fn new(store: M) -> Self {
        Self {
            store,
            next: OnceCell::const_new(),
        }
    }

    /// Goes on after the versions that an earlier life kept. A ring that is full begins again at its first place.
    async fn first_free(&self) -> Result<AtomicU64, M::Error> {
        let kept = self.store.list(HISTORY_PREFIX, KEPT as usize).await?;
        let newest = kept.iter().max_by_key(|(_, value)| value.version);
        let place = newest.and_then(|(key, _)| key.strip_prefix(HISTORY_PREFIX)?.parse::<u64>().ok());
        Ok(AtomicU64::new(place.map_or(0, |place| place + 1)))
    }

    async fn record(&self, value: &str) -> Result<(), M::Error> {
        let next = self.next.get_or_try_init(|| self.first_free()).await?;
        let place = next.fetch_add(1, Ordering::Relaxed) % KEPT;
        let key = format!("{HISTORY_PREFIX}{place:05}");
        self.store
            .put(&key, value.to_owned(), Precondition::Any)
            .await
            .map(|_| ())
    }
}

impl<M: MetadataStore> MetadataStore for Recording<M> {
    type Error = M::Error;
    type Watch = M::Watch;

    async fn get(&self, key: &str) -> Result<Option<Versioned>, M::Error> {
        self.store.get(key).await
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Versioned)>, M::Error> {
        self.store.list(prefix, limit).await
    }

    async fn put(&self, key: &str, value: String, when: Precondition) -> Result<Put, M::Error> {
        if key.starts_with(SETS_PREFIX) {
            self.record(&value).await?;
        }
        self.store.put(key, value, when).await
    }

    async fn delete(&self, key: &str, when: Precondition) -> Result<bool, M::Error> {
        self.store.delete(key, when).await
    }

    async fn watch(&self, prefix: &str) -> Result<M::Watch, M::Error> {
        self.store.watch(prefix).await
    }
}

#[cfg(test)]
mod tests {
    use tally_embedded::{Embedded, Settings};

    use super::*;

    fn open(path: &std::path::Path) -> Embedded {
        Embedded::open(path.join("a.redb"), Settings::default()).unwrap()
    }

    async fn kept(store: &Recording<Embedded>) -> Vec<String> {
        let kept = store.list(HISTORY_PREFIX, 100).await.unwrap();
        kept.into_iter().map(|(_, value)| value.value).collect()
    }

    /// Every version of a record is kept, also over a restart, and nothing else is.
    #[tokio::test]
    async fn every_version_of_a_record_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Recording::new(open(folder.path()));
        for value in ["1", "2"] {
            store
                .put("sets/add-1", value.into(), Precondition::Any)
                .await
                .unwrap();
        }
        store
            .put("scale/add", "9".into(), Precondition::Any)
            .await
            .unwrap();
        assert_eq!(kept(&store).await, ["1", "2"]);
        drop(store);
        let store = Recording::new(open(folder.path()));
        store
            .put("sets/add-1", "3".into(), Precondition::Any)
            .await
            .unwrap();
        assert_eq!(kept(&store).await, ["1", "2", "3"]);
    }
}
