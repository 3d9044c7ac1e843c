//! The pass: from what should be and what is to the next step.

use tally_model::{Instant, NodeId, Observation, Operation, SetId, SetState, Step};

use super::keys::{drained_key, leader_key, lock_key, next_key, places_key, repair_key};
use super::pass::{Alarm, Pass};
use super::set::Set;
use super::{Command, Fleet};

impl Fleet {
    /// Compares and acts. Twice, because the end of one step can be the beginning of another.
    pub(super) fn reconcile(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.adopt(now, out);
        if self.snapshot.is_some() {
            return;
        }
        for _ in 0..2 {
            self.alarm = Alarm::default();
            self.match_targets(now, out);
            self.answer_requests();
            self.drive_sets(now, out);
            self.sweep(now, out);
        }
    }

    /// The lent parts of the fleet, and the sets beside them.
    fn lend<'a>(&'a mut self, now: Instant, out: &'a mut Vec<Command>) -> (Pass<'a>, Parts<'a>) {
        let pass = Pass {
            now,
            ledger: &mut self.ledger,
            pods: &mut self.pods,
            alarm: &mut self.alarm,
            out,
        };
        let parts = Parts {
            plan: &self.plan,
            sets: &mut self.sets,
            drained: &self.drained,
        };
        (pass, parts)
    }

    /// Takes over what an earlier life left, once all of it has been read.
    fn adopt(&mut self, now: Instant, out: &mut Vec<Command>) {
        let Some(mut snapshot) = self.snapshot.take_if(|snapshot| snapshot.is_complete()) else {
            return;
        };
        for (node, _) in self.pods.occupants() {
            node.set().into_iter().for_each(|id| snapshot.number_used(id));
        }
        self.next = snapshot.next;
        for operation in Operation::ALL {
            self.note_next(operation);
        }
        let (pass, parts) = self.lend(now, out);
        for &id in snapshot
            .locks
            .iter()
            .filter(|id| !snapshot.records.contains_key(id))
        {
            pass.ledger.write(lock_key(id), None);
        }
        for (id, record) in snapshot.records {
            let incarnations = snapshot.incarnations.remove(&id);
            let set = Set::adopt(record, incarnations, now, parts.plan, &pass);
            parts.sets.insert(id, set);
        }
        for id in snapshot.incarnations.into_keys() {
            pass.ledger.write(places_key(id), None);
        }
    }

    fn note_next(&mut self, operation: Operation) {
        let number = self.next[operation.index()].to_string();
        self.ledger.write(next_key(operation), Some(number));
    }

    /// Creates sets that are wanted, drains the newest that are not.
    fn match_targets(&mut self, now: Instant, out: &mut Vec<Command>) {
        for operation in Operation::ALL {
            let Some(target) = self.targets[operation.index()] else {
                continue;
            };
            let bounds = self.plan.bounds;
            let wanted = target.clamp(bounds.min, bounds.max) as usize;
            let all = self.sets.iter().filter(|(id, _)| id.operation == operation);
            let total = all.clone().count();
            let active: Vec<SetId> = all
                .filter(|(_, set)| set.state() != SetState::Draining)
                .map(|(&id, _)| id)
                .collect();
            // Draining sets still hold pods; together they never exceed twice the maximum.
            let room = (bounds.max as usize * 2).saturating_sub(total);
            for _ in active.len()..wanted.min(active.len() + room) {
                self.create(operation, now);
            }
            let (mut pass, parts) = self.lend(now, out);
            for id in active.iter().rev().take(active.len().saturating_sub(wanted)) {
                if let Some(set) = parts.sets.get_mut(id) {
                    set.drain(&mut pass);
                }
            }
        }
    }

    fn create(&mut self, operation: Operation, now: Instant) {
        let next = &mut self.next[operation.index()];
        let id = SetId {
            operation,
            number: *next,
        };
        *next = next.saturating_add(1);
        self.note_next(operation);
        self.sets.insert(id, Set::new(id, now, &self.plan));
    }

    /// Passes requests of the scheduler on to their sets, and deletes those that are settled or void.
    fn answer_requests(&mut self) {
        for (&node, asked) in &self.repairs {
            let set = node.set().and_then(|id| self.sets.get_mut(&id));
            if set.is_none_or(|set| set.repair(node, asked.incarnation, self.plan.masked)) {
                self.ledger.erase(repair_key(node), asked.version);
            }
        }
        for (&id, &version) in &self.drained {
            let set = self.sets.get(&id);
            if set.is_none_or(|set| set.state() != SetState::Draining) {
                self.ledger.erase(drained_key(id), version);
            }
        }
        for (&id, &(version, led)) in &self.leaders {
            if let Some(set) = self.sets.get_mut(&id) {
                set.led_by(led);
            }
            self.ledger.erase(leader_key(id), version);
        }
    }

    fn drive_sets(&mut self, now: Instant, out: &mut Vec<Command>) {
        let (mut pass, parts) = self.lend(now, out);
        for (id, set) in parts.sets.iter_mut() {
            set.drive(parts.drained.contains_key(id), parts.plan, &mut pass);
        }
        parts.sets.retain(|&id, set| {
            let over = set.is_over(&pass);
            if over {
                pass.ledger.write(places_key(id), None);
                pass.observe(Observation::new(now, Step::SetDeleted).with_set(id));
            }
            !over
        });
    }

    /// Deletes pods that hold no place, and sends what waits to be written.
    fn sweep(&mut self, now: Instant, out: &mut Vec<Command>) {
        let sets = &self.sets;
        let kept = |node: NodeId, incarnation| {
            let set = node.set().and_then(|id| sets.get(&id));
            set.is_some_and(|set| set.keeps(node, incarnation))
        };
        let mut commands = Vec::new();
        self.pods.sweep(now, kept, &mut self.alarm, &mut commands);
        self.ledger.pump(now, &mut self.alarm, &mut commands);
        out.extend(commands.into_iter().map(Command::Port));
    }

    /// Takes the answer of a pod that was asked who it is.
    pub(super) fn described(
        &mut self,
        now: Instant,
        node: NodeId,
        incarnation: u32,
        who: Option<(String, String)>,
        out: &mut Vec<Command>,
    ) {
        let (mut pass, parts) = self.lend(now, out);
        if let Some(set) = node.set().and_then(|id| parts.sets.get_mut(&id)) {
            set.described(node, incarnation, who, parts.plan, &mut pass);
        }
    }
}

/// What a pass reads, and the sets it changes.
struct Parts<'a> {
    plan: &'a super::Plan,
    sets: &'a mut std::collections::BTreeMap<SetId, Set>,
    drained: &'a std::collections::BTreeMap<SetId, u64>,
}
