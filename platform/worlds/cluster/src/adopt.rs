//! The cluster service where Kubernetes makes the pods: every pod of a Deployment of workers is a set of its own.
//!
//! For the live baselines (`TALLY_SETS=adopt`). It makes and deletes nothing: it watches the pods and keeps `sets/` as they are, so that the
//! scheduler sends tasks to those that are ready. Level-triggered, like the fleet: each event ends in a comparison of what is
//! stored with what should be.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_kubernetes::{COMPONENT, Change, Operate, PART_OF, PLATFORM, PodFact, with_port};
use tally_model::{
    Epoch, Instant, Member, NodeId, Observation, Operation, Precondition, SetId, SetRecord, SetState, Step,
};
use tally_ports::{Clock, MetadataStore};
use tally_process::{Room, World};
use tally_roles::fleet::{SETS_PREFIX, record_key};

use crate::config::set_of_pod;

/// Pause after the store failed.
const PAUSE: Duration = Duration::from_millis(200);
/// Records at most; more than any Deployment here has.
const SETS_MAX: usize = 4_096;

/// Starts to adopt what `operate` sees in `namespace`; gRPC of every pod is on `port`.
pub(crate) fn start<W: World>(room: &Room<W>, operate: Operate, namespace: String, port: u16) {
    let room = room.clone();
    let tasks = room.tasks.clone();
    tasks.spawn(async move {
        let shutdown = room.shutdown.clone();
        let work = async {
            let mut pods =
                operate.watch_pods_of(&namespace, &format!("{PART_OF}={PLATFORM},{COMPONENT}=worker"));
            let mut register = Register::new(port);
            load(&room, &mut register).await;
            while let Some(changes) = pods.next().await {
                let steps = register.take(room.clock.now(), changes);
                for step in &steps {
                    room.observe(step);
                }
                store(&room, &mut register).await;
            }
        };
        tokio::select! { () = work => {}, () = shutdown.cancelled() => {} }
    });
}

/// What an earlier life stored.
async fn load<W: World>(room: &Room<W>, register: &mut Register) {
    loop {
        match room.ports.metadata.list(SETS_PREFIX, SETS_MAX).await {
            Ok(list) => {
                let records = list
                    .iter()
                    .filter_map(|(_, value)| serde_json::from_str(&value.value).ok());
                register.stored = records.map(|record: SetRecord| (record.id, record)).collect();
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the records of an earlier life cannot be read yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Writes until what is stored is what should be.
async fn store<W: World>(room: &Room<W>, register: &mut Register) {
    while let Some((id, wanted)) = register.next_write() {
        let key = record_key(id);
        let done = match &wanted {
            Some(record) => match serde_json::to_string(record) {
                Ok(text) => room
                    .ports
                    .metadata
                    .put(&key, text, Precondition::Any)
                    .await
                    .map(|_| ()),
                Err(_) => Ok(()),
            },
            None => room
                .ports
                .metadata
                .delete(&key, Precondition::Any)
                .await
                .map(|_| ()),
        };
        match done {
            Ok(()) => {
                let now = room.clock.now();
                if let Some(step) = register.written(now, id, wanted) {
                    room.observe(&step);
                }
            }
            Err(error) => {
                tracing::warn!(%error, key, "a record was not stored and is tried again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What should be stored, and what is.
#[derive(Debug)]
struct Register {
    port: u16,
    seen: BTreeMap<SetId, Seen>,
    wanted: BTreeMap<SetId, SetRecord>,
    stored: BTreeMap<SetId, SetRecord>,
}

/// A pod, and what was observed of it.
#[derive(Clone, Debug)]
struct Seen {
    pod: PodFact,
    created: Instant,
    ready: Option<Instant>,
    epoch: u32,
}

impl Register {
    const fn new(port: u16) -> Self {
        Self {
            port,
            seen: BTreeMap::new(),
            wanted: BTreeMap::new(),
            stored: BTreeMap::new(),
        }
    }

    /// Takes news of pods; returns what is to be observed.
    fn take(&mut self, now: Instant, changes: Vec<Change<PodFact>>) -> Vec<Observation> {
        let mut steps = Vec::new();
        for change in changes {
            let (pod, there) = match change {
                Change::Applied(pod) => {
                    let there = !pod.gone;
                    (pod, there)
                }
                Change::Deleted(pod) => (pod, false),
            };
            let Some(operation) = pod.operation.as_deref().and_then(Operation::from_name) else {
                continue;
            };
            let id = set_of_pod(operation, &pod.name);
            if there {
                self.present(now, id, pod, &mut steps);
            } else if self.seen.remove(&id).is_some() {
                self.wanted.remove(&id);
                steps.push(Observation::new(now, Step::PodGone).with_node(NodeId::Worker(id)));
            }
        }
        steps
    }

    fn present(&mut self, now: Instant, id: SetId, pod: PodFact, steps: &mut Vec<Observation>) {
        let node = NodeId::Worker(id);
        let step = |step| Observation::new(now, step).with_node(node);
        let before = self.seen.get(&id).cloned();
        if before.as_ref().is_some_and(|before| before.pod.name != pod.name) {
            tracing::error!(%id, pod = pod.name, "two pods draw the same set; the second is left out");
            return;
        }
        if before.is_none() {
            steps.push(step(Step::CallAccepted));
        }
        let was = |is: fn(&PodFact) -> bool| before.as_ref().is_some_and(|before| is(&before.pod));
        if pod.running && !was(|pod| pod.running) {
            steps.push(step(Step::PodStarted));
        }
        if pod.ready && !was(|pod| pod.ready) {
            steps.push(step(Step::PodReady));
        }
        let stored = self.stored.get(&id);
        let mut seen = before.unwrap_or_else(|| Seen {
            pod: pod.clone(),
            created: stored.map_or(now, |record| record.created),
            ready: stored.and_then(|record| record.ready),
            epoch: stored.map_or(0, |record| record.epoch.0),
        });
        if pod.ready {
            seen.ready.get_or_insert(now);
        }
        seen.pod = pod;
        self.want(id, &mut seen);
        self.seen.insert(id, seen);
    }

    /// A set exists from the first time its pod is ready; while it is not, the set takes no tasks.
    fn want(&mut self, id: SetId, seen: &mut Seen) {
        let (Some(ready), Some(ip)) = (seen.ready, &seen.pod.ip) else {
            return;
        };
        let worker = Member {
            node: NodeId::Worker(id),
            incarnation: 0,
            address: with_port(ip, self.port),
            public_key: String::new(),
        };
        let state = if seen.pod.ready {
            SetState::Ready
        } else {
            SetState::Fenced
        };
        let wanted = SetRecord {
            id,
            epoch: Epoch(seen.epoch),
            founded: None,
            state,
            leader: 0,
            worker: Some(worker),
            replicas: Vec::new(),
            created: seen.created,
            ready: Some(ready),
        };
        if self.wanted.get(&id).or_else(|| self.stored.get(&id)) == Some(&wanted) {
            self.wanted.insert(id, wanted);
            return;
        }
        seen.epoch += 1;
        let epoch = Epoch(seen.epoch);
        self.wanted.insert(id, SetRecord { epoch, ..wanted });
    }

    /// A record that must be written, or deleted (none).
    fn next_write(&self) -> Option<(SetId, Option<SetRecord>)> {
        let differs = |(id, wanted): &(&SetId, &SetRecord)| self.stored.get(id) != Some(wanted);
        let write = self.wanted.iter().find(differs);
        let stale = || self.stored.keys().find(|id| !self.wanted.contains_key(id));
        write
            .map(|(id, record)| (*id, Some(record.clone())))
            .or_else(|| stale().map(|id| (*id, None)))
    }

    /// What is true for everybody once it is stored.
    fn written(&mut self, now: Instant, id: SetId, record: Option<SetRecord>) -> Option<Observation> {
        let was_ready = self
            .stored
            .get(&id)
            .is_some_and(|record| record.state == SetState::Ready);
        match record {
            Some(record) => {
                let ready = record.state == SetState::Ready && !was_ready;
                self.stored.insert(id, record);
                ready.then(|| Observation::new(now, Step::SetReady).with_set(id))
            }
            None => {
                self.stored.remove(&id);
                Some(Observation::new(now, Step::SetDeleted).with_set(id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, running: bool, ready: bool) -> PodFact {
        PodFact {
            name: name.into(),
            operation: Some("add".into()),
            ip: Some("10.0.0.7".into()),
            running,
            ready,
            ..PodFact::default()
        }
    }

    fn flush(register: &mut Register) -> Vec<(Option<SetState>, u32)> {
        let mut written = Vec::new();
        while let Some((id, record)) = register.next_write() {
            let state = record.as_ref().map(|record| record.state);
            written.push((state, record.as_ref().map_or(0, |record| record.epoch.0)));
            register.written(Instant::ZERO, id, record);
        }
        written
    }

    fn steps(register: &mut Register, change: Change<PodFact>) -> Vec<Step> {
        register
            .take(Instant::ZERO, vec![change])
            .iter()
            .map(|step| step.step)
            .collect()
    }

    /// A pod becomes a set when it is ready, is fenced while it is not, and is forgotten when it goes.
    #[test]
    fn a_set_is_its_pod() {
        let mut register = Register::new(7000);
        assert_eq!(
            steps(&mut register, Change::Applied(pod("a", false, false))),
            [Step::CallAccepted]
        );
        assert_eq!(flush(&mut register), []);
        assert_eq!(
            steps(&mut register, Change::Applied(pod("a", true, false))),
            [Step::PodStarted]
        );
        assert_eq!(
            steps(&mut register, Change::Applied(pod("a", true, true))),
            [Step::PodReady]
        );
        assert_eq!(flush(&mut register), [(Some(SetState::Ready), 1)]);
        steps(&mut register, Change::Applied(pod("a", false, false)));
        assert_eq!(flush(&mut register), [(Some(SetState::Fenced), 2)]);
        steps(&mut register, Change::Applied(pod("a", true, true)));
        assert_eq!(flush(&mut register), [(Some(SetState::Ready), 3)]);
        assert_eq!(
            steps(&mut register, Change::Deleted(pod("a", true, true))),
            [Step::PodGone]
        );
        assert_eq!(flush(&mut register), [(None, 0)]);
    }

    /// A worker is reached at its pod's address, of whichever family.
    #[test]
    fn a_set_is_where_its_pod_is() {
        for (ip, address) in [("10.0.0.7", "10.0.0.7:7000"), ("fd00::7", "[fd00::7]:7000")] {
            let mut register = Register::new(7000);
            let pod = PodFact {
                ip: Some(ip.into()),
                ..pod("a", true, true)
            };
            register.take(Instant::ZERO, vec![Change::Applied(pod)]);
            let (_, record) = register.next_write().unwrap();
            assert_eq!(record.unwrap().worker.unwrap().address, address);
        }
    }

    /// A restarted register leaves what is still so alone and deletes what went meanwhile.
    #[test]
    fn a_restart_changes_nothing_that_is_so() {
        let mut first = Register::new(7000);
        for name in ["a", "b"] {
            first.take(Instant::ZERO, vec![Change::Applied(pod(name, true, true))]);
        }
        flush(&mut first);
        let mut second = Register::new(7000);
        second.stored = first.stored;
        second.take(Instant::ZERO, vec![Change::Applied(pod("a", true, true))]);
        assert_eq!(flush(&mut second), [(None, 0)]);
        assert_eq!(second.stored.len(), 1);
    }
}
