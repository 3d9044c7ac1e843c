//! Pods as far as they are known, and the calls about them that are under way.

use std::collections::BTreeMap;

use tally_model::{Instant, NodeId, Pod, PodPhase, PodSpec, SetId};

use super::backoff::Backoff;
use super::ledger::postpone;
use super::pass::Alarm;
use crate::port::{PortCommand, Trouble};

/// A call that is made until it succeeds.
#[derive(Clone, Copy, Debug, Default)]
struct Attempt {
    under_way: bool,
    backoff: Backoff,
}

impl Attempt {
    /// True if the call is to be made now.
    fn may_start(&mut self, now: Instant, alarm: &mut Alarm, reason: &'static str) -> bool {
        let start = !self.under_way && alarm.due(now, self.backoff.until(), reason);
        self.under_way |= start;
        start
    }
}

/// One pod, by name.
#[derive(Debug)]
struct Slot {
    node: NodeId,
    incarnation: u32,
    pod: Option<Pod>,
    create: Option<Attempt>,
    delete: Option<Attempt>,
}

/// What became of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing that matters.
    Same,
    /// Its process is gone.
    Gone,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PodBook {
    slots: BTreeMap<String, Slot>,
}

impl PodBook {
    /// The pod that holds a place, if it is known.
    pub(super) fn pod(&self, node: NodeId, incarnation: u32) -> Option<&Pod> {
        let slots = self.slots.values();
        slots
            .filter(|slot| slot.node == node && slot.incarnation == incarnation)
            .find_map(|slot| slot.pod.as_ref())
    }

    /// Place and incarnation of every pod that exists, or may exist because a call is under way.
    pub(super) fn occupants(&self) -> Vec<(NodeId, u32)> {
        self.slots
            .values()
            .map(|slot| (slot.node, slot.incarnation))
            .collect()
    }

    /// True if a pod of the set exists or may come to exist.
    pub(super) fn any_of(&self, set: SetId) -> bool {
        self.slots.values().any(|slot| slot.node.set() == Some(set))
    }

    /// Creates a pod that does not exist yet; to be asked again and again until it does.
    pub(super) fn create(&mut self, now: Instant, spec: PodSpec, alarm: &mut Alarm) -> Option<PortCommand> {
        let slot = self.slots.entry(spec.name()).or_insert_with(|| Slot {
            node: spec.node,
            incarnation: spec.incarnation,
            pod: None,
            create: None,
            delete: None,
        });
        let attempt = slot.create.get_or_insert_default();
        let start = attempt.may_start(now, alarm, "create a pod again");
        start.then_some(PortCommand::CreatePod(spec))
    }

    /// Deletes every pod that is not `kept`.
    pub(super) fn sweep(
        &mut self,
        now: Instant,
        kept: impl Fn(NodeId, u32) -> bool,
        alarm: &mut Alarm,
        out: &mut Vec<PortCommand>,
    ) {
        for (name, slot) in &mut self.slots {
            if kept(slot.node, slot.incarnation) {
                continue;
            }
            // A creation under way may still bring the pod; one that waits for its next attempt is dropped.
            slot.create.take_if(|create| !create.under_way);
            if slot.pod.is_some()
                && slot
                    .delete
                    .get_or_insert_default()
                    .may_start(now, alarm, "delete a pod again")
            {
                out.push(PortCommand::DeletePod(name.clone()));
            }
        }
        self.slots
            .retain(|_, slot| slot.pod.is_some() || slot.create.is_some() || slot.delete.is_some());
    }

    /// Takes news from the watch. A pod that is gone is remembered only if it is `kept` or was known.
    pub(super) fn saw(&mut self, pod: Pod, kept: bool) -> Turn {
        let gone = pod.phase == PodPhase::Gone;
        if gone && !kept && !self.slots.contains_key(&pod.name) {
            return Turn::Same;
        }
        let slot = self.slots.entry(pod.name.clone()).or_insert_with(|| Slot {
            node: pod.node,
            incarnation: pod.incarnation,
            pod: None,
            create: None,
            delete: None,
        });
        let was_there = slot
            .pod
            .as_ref()
            .is_some_and(|known| known.phase != PodPhase::Gone);
        slot.pod = Some(pod);
        if gone && was_there { Turn::Gone } else { Turn::Same }
    }

    /// Takes the answer to a creation; returns the place when this process's call was accepted.
    pub(super) fn created(
        &mut self,
        now: Instant,
        name: &str,
        answer: Result<Pod, Trouble>,
    ) -> Option<NodeId> {
        let slot = self.slots.get_mut(name)?;
        match answer {
            Ok(pod) => {
                slot.create = None;
                // The watch may have been faster and knows better.
                slot.pod.get_or_insert(pod);
                Some(slot.node)
            }
            Err(trouble) => {
                let attempt = slot.create.get_or_insert_default();
                attempt.under_way = false;
                postpone(&mut attempt.backoff, now, &trouble);
                None
            }
        }
    }

    /// Takes the answer to a deletion.
    pub(super) fn deleted(&mut self, now: Instant, name: &str, answer: Result<(), Trouble>) {
        let Some(slot) = self.slots.get_mut(name) else {
            return;
        };
        match answer {
            Ok(()) => {
                slot.pod = None;
                slot.delete = None;
            }
            Err(trouble) => {
                let attempt = slot.delete.get_or_insert_default();
                attempt.under_way = false;
                postpone(&mut attempt.backoff, now, &trouble);
            }
        }
    }
}
