//! The store that `hotstuff_rs` keeps its blocks in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotstuff_rs::block_tree::pluggables::{KVGet, KVStore, WriteBatch};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<Map>>);

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes, in their order; none is a deletion.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl WriteBatch for Changes {
    fn new() -> Self {
        Self::default()
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.push((key.to_vec(), None));
    }
}

#[derive(Debug)]
pub(super) struct Snapshot<'a>(MutexGuard<'a, Map>);

impl KVGet for Snapshot<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }
}

impl KVGet for Memory {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.lock().get(key).cloned()
    }
}

impl KVStore for Memory {
    type WriteBatch = Changes;
    type Snapshot<'a> = Snapshot<'a>;

    fn write(&mut self, changes: Changes) {
        let mut map = self.lock();
        for (key, value) in changes.0 {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
    }

    fn clear(&mut self) {
        self.lock().clear();
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot(self.lock())
    }
}
