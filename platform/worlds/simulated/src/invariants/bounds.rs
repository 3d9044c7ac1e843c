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

#[cfg(test)]
mod tests {
    use tally_model::{Epoch, Instant, Member, Operation};

    use super::*;

    fn set(number: u32) -> SetId {
        SetId {
            operation: Operation::Add,
            number,
        }
    }

    /// A set that has a member.
    fn record(number: u32, state: SetState) -> SetRecord {
        let node = NodeId::Replica(set(number), 0);
        SetRecord {
            id: set(number),
            epoch: Epoch(1),
            founded: None,
            state,
            leader: 0,
            worker: None,
            replicas: vec![Member {
                node,
                incarnation: 0,
                address: String::new(),
                public_key: String::new(),
            }],
            created: Instant::ZERO,
            ready: None,
        }
    }

    /// One set at most.
    fn bounds() -> Bounds {
        let mut config = PlatformConfig::default();
        (config.bounds.min, config.bounds.max) = (1, 1);
        Bounds::new(&config)
    }

    /// Claim: a set that was told to drain does not count from the decision on, although its record says so later or what was written
    /// before becomes durable after it; the one beside it counts, and so does the next set of its name.
    #[test]
    fn a_set_drains_from_the_decision_on() {
        let mut two = bounds();
        assert_eq!(two.record(&record(1, SetState::Ready)), Ok(()));
        assert!(two.record(&record(2, SetState::Starting)).is_err());

        let mut bounds = bounds();
        assert_eq!(bounds.record(&record(1, SetState::Ready)), Ok(()));
        let decision = Observation::new(Instant::ZERO, Step::DrainStarted).with_set(set(1));
        assert_eq!(bounds.observed(&decision), Ok(()));
        assert_eq!(bounds.record(&record(2, SetState::Starting)), Ok(()));
        assert_eq!(
            bounds.record(&record(1, SetState::Ready)),
            Ok(()),
            "written before"
        );
        assert_eq!(bounds.record(&record(1, SetState::Draining)), Ok(()));
        bounds.deleted(set(1));
        assert!(bounds.record(&record(1, SetState::Starting)).is_err());
    }
}
