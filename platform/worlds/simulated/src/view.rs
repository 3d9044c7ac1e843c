//! What can be seen of a world from outside.

use tally_model::{Instant, NodeId, Observation, Operation, PlatformConfig, SetRecord, SetState};

use crate::timeline::{Request, Sight, Stray};
use crate::watch::{Last, Violation};
use crate::world::World;

/// A layer at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerView {
    /// Tasks that wait.
    pub visible: u64,
    /// Tasks that are leased.
    pub in_flight: u64,
    /// Sets that take tasks.
    pub ready: u32,
    /// Sets that are being created or repaired.
    pub starting: u32,
}

/// What was used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds that pods existed, workers and replicas together.
    pub pod_seconds: f64,
    /// Seconds that sets existed, by operation (workers' seconds).
    pub set_seconds: [f64; 4],
}

/// What the simulation itself did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Entries of the agenda that were delivered to a machine: a role, a pod, or a model of the outside (queue, store, cluster).
    pub events: u64,
    /// Of these, to the platform's own machines.
    pub turns: u64,
    /// Packets that were put on links, whether they arrive or not.
    pub packets: u64,
}

impl World {
    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The configuration the world was made with.
    pub const fn config(&self) -> &PlatformConfig {
        &self.config
    }

    /// The cluster that everything signed names.
    pub const fn cluster(&self) -> [u8; 16] {
        self.cluster_id
    }

    /// The layers, in the order of [`Operation::ALL`].
    pub fn layers(&self) -> [LayerView; 4] {
        Operation::ALL.map(|operation| {
            let depth = self.queues.peek(tally_model::QueueName::Layer(operation));
            let sets = || {
                self.records
                    .values()
                    .filter(|record| record.id.operation == operation)
            };
            let count =
                |wanted: fn(SetState) -> bool| sets().filter(|record| wanted(record.state)).count() as u32;
            LayerView {
                visible: depth.visible,
                in_flight: depth.in_flight,
                ready: count(|state| state == SetState::Ready),
                starting: count(|state| matches!(state, SetState::Starting | SetState::Fenced)),
            }
        })
    }

    /// The set records as they are now.
    pub fn sets(&self) -> impl Iterator<Item = &SetRecord> {
        self.records.values()
    }

    /// Every version of every set record, in the order in which they were written.
    pub fn set_history(&self) -> &[SetRecord] {
        &self.history
    }

    /// Accepted requests without an outcome, as the gateway counts them; 0 while there is none.
    pub fn pending(&self) -> u64 {
        if self.control.up {
            self.control.pending()
        } else {
            0
        }
    }

    /// Requests that were begun and are not over.
    pub fn open_requests(&self) -> usize {
        self.clients.open()
    }

    /// Whether clients will send more by themselves.
    pub const fn has_more_requests(&self) -> bool {
        self.clients.has_more()
    }

    /// Whether a user had nothing more to ask although its time was not over.
    pub const fn ran_dry(&self) -> bool {
        self.clients.ran_dry
    }

    /// Takes the requests that ended since the last call.
    pub fn take_finished(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.clients.finished)
    }

    /// Takes the further sights of outcomes since the last call.
    pub fn take_sights(&mut self) -> Vec<Sight> {
        std::mem::take(&mut self.clients.sights)
    }

    /// Takes the answers that belong to no request, as far as is known. To be called at the end: an answer may overtake its acceptance.
    pub fn take_strays(&mut self) -> Vec<Stray> {
        let early = std::mem::take(&mut self.clients.early).into_iter();
        let strays = early.flat_map(|(id, heard)| {
            let outcomes = heard.into_iter().map(|(at, answer)| (at, answer.outcome.clone()));
            outcomes.map(move |(at, outcome)| Stray { id, at, outcome })
        });
        strays.collect()
    }

    /// Takes what the platform observed since the last call.
    pub fn take_observations(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.observations)
    }

    /// Ends every open request as it stands; they come out of [`World::take_finished`].
    pub fn give_up(&mut self) {
        for request in self.clients.take_open() {
            if let Some(watch) = &mut self.watch {
                watch.over(self.now, &request);
            }
            self.clients.finished.push(request);
        }
    }

    /// Requests that ended since the last [`World::take_finished`].
    pub fn finished(&self) -> &[Request] {
        &self.clients.finished
    }

    /// Nothing is owed, nothing waits in a queue, and every set that must be there works.
    pub fn is_quiet(&self) -> bool {
        let wanted = self.config.bounds.min;
        let empty = |queue| {
            let depth = self.queues.peek(queue);
            queue == tally_model::QueueName::Dead || depth.visible + depth.in_flight == 0
        };
        self.control.up
            && !self.clients.has_more()
            && self.clients.open() == 0
            && self.late == 0
            && tally_model::QueueName::ALL.into_iter().all(empty)
            && self.layers().iter().all(|layer| layer.ready >= wanted)
    }

    /// What the simulation did so far.
    pub const fn work(&self) -> Work {
        self.work
    }

    /// A fingerprint of everything that happened so far: equal runs have equal ones.
    pub fn trace_hash(&self) -> String {
        self.trace.hash()
    }

    /// One line per event since they were last taken, if the world was made to keep them.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.trace.take_lines()
    }

    /// Something that no platform should bring about (a pod name used twice, a member without keys); none in a sound one.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The first invariant that was violated, if any is watched and was.
    pub fn violation(&self) -> Option<&Violation> {
        self.watch.as_ref().and_then(|watch| watch.violation.as_ref())
    }

    /// The most that honest members and the control plane said within one second; 0 if nothing is watched.
    pub fn busiest(&self) -> u32 {
        self.watch.as_ref().map_or(0, |watch| watch.busiest())
    }

    /// How often what happened, if it is watched.
    pub fn coverage(&self) -> Option<&crate::Coverage> {
        self.watch.as_ref().map(|watch| &watch.coverage)
    }

    /// The end: holds what is left against the invariants. `may_bury`: messages may have been received too often by chance.
    pub fn conclude(&mut self, may_bury: bool) {
        let layers = self.layers();
        let depth = |queue| {
            let depth = self.queues.peek(queue);
            depth.visible + depth.in_flight
        };
        let last = Last {
            config: &self.config,
            cluster: self.cluster_id,
            history: &self.history,
            queued: tally_model::QueueName::ALL.map(depth),
            ready: layers.map(|layer| layer.ready),
            stored: self.store.list("answer/", usize::MAX).len() as u64,
            may_bury,
        };
        if let Some(watch) = &mut self.watch {
            watch.end(self.now, &last);
        }
    }

    /// What was used up to now.
    pub fn usage(&self) -> Usage {
        let mut usage = self.usage;
        for life in &self.pods {
            if life.alive {
                let seconds = self.now.since(life.created).as_secs_f64();
                usage.pod_seconds += seconds;
                if let NodeId::Worker(set) = life.node {
                    usage.set_seconds[set.operation.index()] += seconds;
                }
            }
        }
        usage
    }
}
