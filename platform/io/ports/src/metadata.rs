//! Metadata: small values under keys, compare-and-put, and watches.

use std::future::Future;

use tally_model::{Change, Precondition, Put, Versioned};

use crate::Failure;

/// A running watch.
pub trait Watch: Send + 'static {
    /// What can go wrong.
    type Error: Failure;

    /// Waits for changes. The first call returns every existing key at once (possibly none); later calls return at least
    /// one change. May skip intermediate values of a key, never the newest. After an error the watch is dead: open
    /// another.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Change>, Self::Error>> + Send;
}

/// A store of small values. Promises: linearizable reads and writes, watches that may skip to the newest value.
pub trait MetadataStore: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Failure;
    /// Its watches.
    type Watch: Watch<Error = Self::Error>;

    /// The newest value.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Versioned>, Self::Error>> + Send;

    /// All keys with a prefix, in order, at most `limit`.
    fn list(
        &self,
        prefix: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(String, Versioned)>, Self::Error>> + Send;

    /// Writes if `when` holds; durable when it returns `Written`.
    fn put(
        &self,
        key: &str,
        value: String,
        when: Precondition,
    ) -> impl Future<Output = Result<Put, Self::Error>> + Send;

    /// Deletes if `when` holds (`Absent` never deletes); deleting nothing is success. Returns whether it held.
    fn delete(&self, key: &str, when: Precondition)
    -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Watches all keys with a prefix.
    fn watch(&self, prefix: &str) -> impl Future<Output = Result<Self::Watch, Self::Error>> + Send;
}
