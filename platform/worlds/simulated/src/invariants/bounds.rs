//! Hard caps hold: never more sets than configured, never more tasks at a worker than it may have.

use std::collections::{BTreeMap, BTreeSet};

use tally_model::{NodeId, Observation, PlatformConfig, SetId, SetRecord, SetState, Step, TaskId};
use tally_roles::packet::Packet;

use crate::watch::{Invariant, Sent, Verdict};

/// What is counted.
#[derive(Debug)]
pub(super) struct Bounds {
    sets_max: usize,
    tasks_max: usize,
    /// Those that have members, and do not drain.
    sets: BTreeSet<SetId>,
    /// Those that were told to drain.
    draining: BTreeSet<SetId>,
    assigned: BTreeMap<SetId, BTreeSet<TaskId>>,
}

impl Bounds {
    pub(super) fn new(config: &PlatformConfig) -> Self {
        Self {
            sets_max: config.bounds.max.max(config.bounds.min) as usize,
            tasks_max: config.limits.in_flight,
            sets: BTreeSet::new(),
            draining: BTreeSet::new(),
            assigned: BTreeMap::new(),
        }
    }
}

impl Invariant for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B2, G5; pbft.md section 11, 13"
    }

    /// Sets that drain are on their way out; a new one may be started beside them. That one drains and that another is wanted are two
    /// writes, which may become durable in any order, the first as late as a store that fails lets it be; so a set drains from the
    /// decision on. A set without members holds nothing yet.
    fn record(&mut self, record: &SetRecord) -> Verdict {
        let drains = record.state == SetState::Draining || self.draining.contains(&record.id);
        if drains || record.members().next().is_none() {
            self.sets.remove(&record.id);
        } else {
            self.sets.insert(record.id);
        }
        let operation = record.id.operation;
        let sets = self.sets.iter().filter(|id| id.operation == operation).count();
        if sets > self.sets_max {
            return Err(format!(
                "{sets} sets of {operation}, at most {} are allowed",
                self.sets_max
            ));
        }
        Ok(())
    }

    fn observed(&mut self, observation: &Observation) -> Verdict {
        if let (Step::DrainStarted, Some(set)) = (observation.step, observation.set) {
            self.draining.insert(set);
            self.sets.remove(&set);
        }
        Ok(())
    }

    fn deleted(&mut self, set: SetId) {
        self.sets.remove(&set);
        self.draining.remove(&set);
        self.assigned.remove(&set);
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        match (sent.packet, sent.from, sent.to) {
            (Packet::Assign(task), NodeId::Control, NodeId::Worker(set)) => {
                let tasks = self.assigned.entry(set).or_default();
                tasks.insert(task.job.task);
                // Those that were lost on the way, or went elsewhere after a time, are not known here: twice the cap.
                if tasks.len() > self.tasks_max * 2 + 64 {
                    return Err(format!("{} tasks were assigned to {set} at once", tasks.len()));
                }
            }
            (Packet::Done(done), NodeId::Worker(set), _) => {
                self.assigned.entry(set).or_default().remove(&done.job.task);
            }
            (Packet::Busy(task), NodeId::Worker(set), _) => {
                self.assigned.entry(set).or_default().remove(task);
            }
            _ => {}
        }
        Ok(())
    }
}
