//! A cluster of pods: names that are never used twice, a life from starting to gone, and a watch that may skip to the newest.

use std::collections::BTreeMap;

use tally_model::{Pod, PodPhase, PodSpec};

/// Names a pod for as long as the cluster exists: its place among all pods there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodIndex(pub u32);

/// Every pod there is, and what the watch has not told yet.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// All pods there ever were, by index.
    all: Vec<Pod>,
    /// Pods that are not gone, by name.
    alive: BTreeMap<String, PodIndex>,
    news: BTreeMap<PodIndex, Pod>,
}

impl Cluster {
    /// No pods.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a pod unless one of that name exists; the index is there if it is new.
    pub fn create(&mut self, spec: &PodSpec) -> (Pod, Option<PodIndex>) {
        let name = spec.name();
        if let Some(&PodIndex(index)) = self.alive.get(&name) {
            return (self.all[index as usize].clone(), None);
        }
        let index = PodIndex(self.all.len() as u32);
        let pod = Pod {
            name: name.clone(),
            node: spec.node,
            incarnation: spec.incarnation,
            phase: PodPhase::Starting,
            address: None,
            process: None,
        };
        self.all.push(pod.clone());
        self.alive.insert(name, index);
        self.news.insert(index, pod.clone());
        (pod, Some(index))
    }

    /// The pod listens now; false if it is gone.
    pub fn run(&mut self, index: PodIndex) -> bool {
        let Some(pod) = self.all.get_mut(index.0 as usize) else {
            return false;
        };
        if pod.phase != PodPhase::Starting {
            return false;
        }
        pod.phase = PodPhase::Running;
        pod.address = Some(address_of(index));
        self.news.insert(index, pod.clone());
        true
    }

    /// Ends a pod, whoever wants it; false if it was gone.
    pub fn end(&mut self, index: PodIndex) -> bool {
        let Some(pod) = self.all.get_mut(index.0 as usize) else {
            return false;
        };
        if pod.phase == PodPhase::Gone {
            return false;
        }
        pod.phase = PodPhase::Gone;
        pod.address = None;
        self.alive.remove(&pod.name);
        self.news.insert(index, pod.clone());
        true
    }

    /// A pod there is or was.
    pub fn pod(&self, index: PodIndex) -> Option<&Pod> {
        self.all.get(index.0 as usize)
    }

    /// A pod that is not gone.
    pub fn named(&self, name: &str) -> Option<PodIndex> {
        self.alive.get(name).copied()
    }

    /// Pods that are not gone.
    pub fn alive(&self) -> impl Iterator<Item = (PodIndex, &Pod)> {
        self.alive
            .values()
            .map(|&index| (index, &self.all[index.0 as usize]))
    }

    /// What a new watch is told first: every pod that is not gone.
    pub fn list(&mut self) -> Vec<Pod> {
        self.news.clear();
        self.alive().map(|(_, pod)| pod.clone()).collect()
    }

    /// What changed since the last call, the newest state of each pod.
    pub fn news(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.news).into_values().collect()
    }
}

/// The address of a pod that runs.
fn address_of(index: PodIndex) -> String {
    format!("pod:{}", index.0)
}

impl PodIndex {
    /// The pod behind an address of this cluster.
    pub fn at(address: &str) -> Option<Self> {
        address.strip_prefix("pod:")?.parse().ok().map(Self)
    }
}
