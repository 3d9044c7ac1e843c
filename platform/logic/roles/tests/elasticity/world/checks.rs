//! What must hold of every record, and of the whole when it is calm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::{NodeId, Observation, Operation, Protocol, SetId, SetRecord, SetState, Step};
use tally_roles::fleet;

use super::{Happening, World};

impl World {
    /// What must hold of every record that is ever written.
    pub(super) fn check_record(&mut self, id: SetId, new: &SetRecord) {
        assert!(!self.deleted.contains(&id), "{id} came back");
        if new.state == SetState::Ready {
            assert!(
                new.worker.is_some() && new.replicas.len() == usize::from(self.config.replicas_per_set())
            );
            let nodes: BTreeSet<_> = new.members().map(|member| member.node).collect();
            assert_eq!(nodes.len(), new.members().count());
            assert!(new.leader < self.config.replicas_per_set().max(1));
        }
        let leads = NodeId::Replica(id, new.leader);
        let leader = new.members().find(|member| member.node == leads);
        if let Some(leader) = leader.filter(|_| self.config.leader_lock) {
            let holder = self.store.get(&fleet::lock_key(id));
            let holder = holder.map(|holder| holder.value.as_str());
            assert_eq!(holder, Some(fleet::lock_holder(leader).as_str()), "{id}");
        }
        if let Some(old) = self.records().get(&id) {
            let drawn = self.config.protocol == Protocol::Collect;
            let same = old.members().eq(new.members()) && (!drawn || old.leader == new.leader);
            assert!(
                new.epoch >= old.epoch,
                "{id} went back from {:?} to {:?}",
                old.epoch,
                new.epoch
            );
            assert!(
                same || new.epoch > old.epoch,
                "{id} changed its members within an epoch"
            );
        }
        if new.state == SetState::Draining && self.told.insert(id) {
            self.after(Duration::from_millis(30), Happening::Drained(id));
        }
    }

    pub(crate) fn records(&self) -> BTreeMap<SetId, SetRecord> {
        let all = self.store.list(fleet::SETS_PREFIX, usize::MAX);
        all.iter()
            .map(|(_, value)| serde_json::from_str::<SetRecord>(&value.value).unwrap())
            .map(|r| (r.id, r))
            .collect()
    }

    pub(crate) fn seen(&self, step: Step) -> Vec<&Observation> {
        self.observations
            .iter()
            .filter(|observation| observation.step == step)
            .collect()
    }

    /// The keys that exist under a prefix.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        self.store
            .list(prefix, usize::MAX)
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }

    /// Everything is as wanted and nothing is left over.
    pub(crate) fn assert_converged(&self, wanted: [usize; 4], context: &str) {
        let records = self.records();
        for operation in Operation::ALL {
            let sets = records.keys().filter(|id| id.operation == operation).count();
            assert_eq!(
                sets,
                wanted[operation.index()],
                "{context}: sets of {operation}: {records:#?}"
            );
        }
        let mut members = BTreeSet::new();
        for record in records.values() {
            assert_eq!(record.state, SetState::Ready, "{context}: {record:?}");
            members.extend(record.members().map(|member| (member.node, member.incarnation)));
        }
        let pods: BTreeSet<_> = self
            .pods
            .all()
            .iter()
            .map(|pod| (pod.node, pod.incarnation))
            .collect();
        assert_eq!(members, pods, "{context}: pods are the members and nothing else");
        for (node, incarnation) in members {
            assert!(
                self.pods.answers(node, incarnation),
                "{context}: {node} does not answer"
            );
        }
        for prefix in [fleet::REPAIR_PREFIX, fleet::DRAINED_PREFIX] {
            assert_eq!(self.keys(prefix), [""; 0], "{context}: keys left over");
        }
        let sets: BTreeSet<_> = records.keys().map(ToString::to_string).collect();
        let notes = |prefix: &str| -> BTreeSet<_> {
            let keys = self.keys(prefix);
            keys.iter().map(|key| key[prefix.len()..].to_owned()).collect()
        };
        assert_eq!(
            notes("fleet/places/"),
            sets,
            "{context}: notes are about the sets that exist"
        );
        let locked = if self.config.leader_lock {
            sets
        } else {
            BTreeSet::new()
        };
        assert_eq!(notes("fleet/lock/"), locked, "{context}: every lead is locked");
    }
}
