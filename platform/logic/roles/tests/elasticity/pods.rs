//! Pods that start after a while and can be killed or paused.

use std::collections::{BTreeMap, BTreeSet};

use tally_model::{NodeId, Pod, PodPhase, PodSpec};

/// One fake pod.
#[derive(Clone, Debug)]
pub(crate) struct FakePod {
    pub(crate) pod: Pod,
    /// Exists but does not answer.
    pub(crate) paused: bool,
}

/// All of them, and what the pod watch has not told yet.
#[derive(Debug, Default)]
pub(crate) struct FakePods {
    alive: BTreeMap<String, FakePod>,
    ever: BTreeSet<String>,
    news: BTreeMap<String, Pod>,
}

impl FakePods {
    /// Idempotent while the pod exists; a name must never come back.
    pub(crate) fn create(&mut self, spec: &PodSpec) -> Pod {
        let name = spec.name();
        if let Some(existing) = self.alive.get(&name) {
            return existing.pod.clone();
        }
        assert!(self.ever.insert(name.clone()), "{name} was used before");
        let pod = Pod {
            name: name.clone(),
            node: spec.node,
            incarnation: spec.incarnation,
            phase: PodPhase::Starting,
            address: None,
            process: None,
        };
        self.alive.insert(
            name,
            FakePod {
                pod: pod.clone(),
                paused: false,
            },
        );
        self.tell(&pod);
        pod
    }

    /// Lets a pod run that still exists.
    pub(crate) fn run(&mut self, name: &str) {
        if let Some(fake) = self.alive.get_mut(name) {
            fake.pod.phase = PodPhase::Running;
            fake.pod.address = Some(format!("10.0.0.1/{name}"));
            let pod = fake.pod.clone();
            self.tell(&pod);
        }
    }

    /// Ends a pod; ending nothing is fine.
    pub(crate) fn end(&mut self, name: &str) {
        if let Some(mut fake) = self.alive.remove(name) {
            fake.pod.phase = PodPhase::Gone;
            fake.pod.address = None;
            self.tell(&fake.pod);
        }
    }

    pub(crate) fn pause(&mut self, name: &str, paused: bool) {
        if let Some(fake) = self.alive.get_mut(name) {
            fake.paused = paused;
        }
    }

    /// True if this occupant runs and answers.
    pub(crate) fn answers(&self, node: NodeId, incarnation: u32) -> bool {
        self.alive.values().any(|fake| {
            fake.pod.node == node
                && fake.pod.incarnation == incarnation
                && fake.pod.phase == PodPhase::Running
                && !fake.paused
        })
    }

    pub(crate) fn all(&self) -> Vec<Pod> {
        self.alive.values().map(|fake| fake.pod.clone()).collect()
    }

    /// The news since the last call.
    pub(crate) fn news(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.news).into_values().collect()
    }

    fn tell(&mut self, pod: &Pod) {
        self.news.insert(pod.name.clone(), pod.clone());
    }
}
