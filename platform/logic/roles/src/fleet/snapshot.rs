//! What a new fleet finds: read once, before it acts.

use std::collections::{BTreeMap, BTreeSet};

use tally_model::{Change, Operation, SetId, SetRecord};

use super::keys::{
    DRAINED_PREFIX, FLEET_PREFIX, LEADER_PREFIX, REPAIR_PREFIX, SETS_PREFIX, lock_of, next_of, places_of,
};
use super::ledger::Ledger;
use super::place::Incarnations;
use crate::autoscaler::SCALE_PREFIX;

/// See the module.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Not read yet; the pods are the empty prefix.
    missing: BTreeSet<&'static str>,
    pub(super) records: BTreeMap<SetId, SetRecord>,
    pub(super) incarnations: BTreeMap<SetId, Incarnations>,
    /// Sets whose lead is locked.
    pub(super) locks: BTreeSet<SetId>,
    pub(super) next: [u32; 4],
}

const PODS: &str = "";

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            missing: [
                SETS_PREFIX,
                FLEET_PREFIX,
                SCALE_PREFIX,
                REPAIR_PREFIX,
                DRAINED_PREFIX,
                LEADER_PREFIX,
                PODS,
            ]
            .into(),
            records: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            locks: BTreeSet::new(),
            next: [1; 4],
        }
    }
}

impl Snapshot {
    /// True once everything was read.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    pub(super) fn pods_seen(&mut self) {
        self.missing.remove(PODS);
    }

    /// Takes what a watch says exists. What cannot be read is deleted: the fleet alone writes here, and a set without a
    /// record is as good as none.
    pub(super) fn read(&mut self, prefix: &str, changes: Vec<Change>, ledger: &mut Ledger) {
        self.missing.remove(prefix);
        if prefix != SETS_PREFIX && prefix != FLEET_PREFIX {
            return;
        }
        for change in changes {
            let Some(value) = change.value else { continue };
            ledger.load(&change.key, &value.value);
            if !self.understood(&change.key, &value.value) {
                ledger.write(change.key, None);
            }
        }
    }

    fn understood(&mut self, key: &str, value: &str) -> bool {
        if let Some(id) = key
            .strip_prefix(SETS_PREFIX)
            .and_then(|id| id.parse::<SetId>().ok())
        {
            self.number_used(id);
            let record = serde_json::from_str::<SetRecord>(value).ok();
            let record = record.filter(|record| record.id == id);
            return record.map(|record| self.records.insert(id, record)).is_some();
        }
        if let Some(id) = places_of(key) {
            self.number_used(id);
            let incarnations = serde_json::from_str(value).ok();
            return incarnations
                .map(|all| self.incarnations.insert(id, all))
                .is_some();
        }
        if let Some(id) = lock_of(key) {
            self.locks.insert(id);
            return true;
        }
        if let (Some(operation), Ok(number)) = (next_of(key), value.parse::<u32>()) {
            self.at_least(operation, number);
            return true;
        }
        false
    }

    /// A number that was seen anywhere is never given again.
    pub(super) fn number_used(&mut self, id: SetId) {
        self.at_least(id.operation, id.number.saturating_add(1));
    }

    fn at_least(&mut self, operation: Operation, number: u32) {
        let next = &mut self.next[operation.index()];
        *next = number.max(*next);
    }
}
