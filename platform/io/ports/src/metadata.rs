//! Metadata: small values under keys, compare-and-put, and watches.

use std::future::Future;

use crate::Failure;

/// A value and the version that compare-and-put refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The value.
    pub value: String,
    /// Grows with every write of the store, never reused; at least 1.
    pub version: u64,
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// The key does not exist.
    Absent,
    /// The key has this version.
    Version(u64),
}

/// What became of a write. Losing a comparison is ordinary, so it is a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Durable, under this version.
    Written(u64),
    /// The precondition did not hold; this is what was there.
    Refused(Option<Versioned>),
}

/// One change seen by a watch; `None` means deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its newest value.
    pub value: Option<Versioned>,
}

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
