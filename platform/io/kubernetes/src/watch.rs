//! Watches that survive: lost connections are opened again with backoff, and what went meanwhile is told afterwards.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tally_model::{PodEvent, PodPhase};
use tally_ports::Source;

use crate::pod::read_pod;

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<K> {
    /// It is new, or changed; also every object that exists when the watch begins.
    Applied(K),
    /// It is gone; this is how it last was.
    Deleted(K),
}

impl<K> Change<K> {
    /// The same change, of what `read` makes of the object.
    pub fn map<T>(self, read: impl FnOnce(K) -> T) -> Change<T> {
        match self {
            Self::Applied(object) => Change::Applied(read(object)),
            Self::Deleted(object) => Change::Deleted(read(object)),
        }
    }
}

type Events<K> = BoxStream<'static, Result<Event<K>, watcher::Error>>;

/// Changes of all objects of a kind that a selector chooses.
pub struct Objects<K> {
    events: Events<K>,
    known: BTreeMap<String, K>,
    /// What a list that is under way has brought so far.
    listed: BTreeMap<String, K>,
}

impl<K> Debug for Objects<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

/// Watches what `labels` (a label selector; empty for everything) chooses. Lists are not streamed: API servers before 1.27
/// refuse that for ever.
pub fn watch_objects<K>(api: Api<K>, labels: &str) -> Objects<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().labels(labels);
    Objects::of(watcher(api, config).default_backoff().boxed())
}

impl<K: Resource + Clone> Objects<K> {
    const fn of(events: Events<K>) -> Self {
        Self {
            events,
            known: BTreeMap::new(),
            listed: BTreeMap::new(),
        }
    }

    /// The next changes: first everything that exists (possibly nothing), later at least one; none if the watch has ended. Cancel
    /// safe.
    pub async fn next(&mut self) -> Option<Vec<Change<K>>> {
        loop {
            match self.events.next().await? {
                Ok(event) => {
                    if let Some(changes) = self.take(event) {
                        return Some(changes);
                    }
                }
                // The stream waits before it tries again.
                Err(error) => tracing::warn!(%error, "a watch was lost and is opened again"),
            }
        }
    }

    fn take(&mut self, event: Event<K>) -> Option<Vec<Change<K>>> {
        match event {
            Event::Init => {
                self.listed.clear();
                None
            }
            Event::InitApply(object) => {
                self.listed.insert(object.name_any(), object);
                None
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let known = std::mem::replace(&mut self.known, listed);
                let gone = known
                    .into_iter()
                    .filter(|(name, _)| !self.known.contains_key(name));
                let changes = gone.map(|(_, object)| Change::Deleted(object));
                Some(
                    changes
                        .chain(self.known.values().cloned().map(Change::Applied))
                        .collect(),
                )
            }
            Event::Apply(object) => {
                self.known.insert(object.name_any(), object.clone());
                Some(vec![Change::Applied(object)])
            }
            Event::Delete(object) => {
                self.known.remove(&object.name_any());
                Some(vec![Change::Deleted(object)])
            }
        }
    }
}

/// Changes of the platform's pods, as the cluster port has them.
#[derive(Debug)]
pub struct PodWatch {
    pods: Objects<KubePod>,
    port: u16,
}

impl PodWatch {
    pub(crate) const fn new(pods: Objects<KubePod>, port: u16) -> Self {
        Self { pods, port }
    }

    fn read(&self, change: Change<KubePod>) -> Option<PodEvent> {
        match change {
            Change::Applied(pod) => read_pod(&pod, self.port).map(|pod| PodEvent { pod }),
            Change::Deleted(pod) => {
                let mut pod = read_pod(&pod, self.port)?;
                pod.phase = PodPhase::Gone;
                pod.address = None;
                Some(PodEvent { pod })
            }
        }
    }
}

impl Source<PodEvent> for PodWatch {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Vec<PodEvent>>> + Send + '_>> {
        Box::pin(async move {
            let changes = self.pods.next().await?;
            Some(
                changes
                    .into_iter()
                    .filter_map(|change| self.read(change))
                    .collect(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, phase: &str) -> KubePod {
        serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "labels": { "tally.dev/incarnation": "0" },
                "annotations": { "tally.dev/node": "add-1/worker" },
            },
            "status": { "phase": phase, "podIP": "10.0.0.1" },
        }))
        .unwrap()
    }

    fn names(changes: &[Change<KubePod>]) -> Vec<String> {
        let told = changes.iter().map(|change| match change {
            Change::Applied(pod) => format!("+{}", pod.name_any()),
            Change::Deleted(pod) => format!("-{}", pod.name_any()),
        });
        told.collect()
    }

    /// A pod that went while the watch was broken is told as gone when it is back, and a lost watch goes on by itself.
    #[tokio::test]
    async fn what_went_meanwhile_is_told_after_a_new_list() {
        let events = vec![
            Ok(Event::Init),
            Ok(Event::InitApply(pod("a", "Running"))),
            Ok(Event::InitApply(pod("b", "Running"))),
            Ok(Event::InitDone),
            Ok(Event::Apply(pod("c", "Pending"))),
            Err(watcher::Error::NoResourceVersion),
            Ok(Event::Init),
            Ok(Event::InitApply(pod("b", "Running"))),
            Ok(Event::InitDone),
            Ok(Event::Delete(pod("b", "Running"))),
        ];
        let mut objects = Objects::of(stream::iter(events).boxed());
        let mut told = Vec::new();
        while let Some(changes) = objects.next().await {
            told.push(names(&changes));
        }
        assert_eq!(
            told,
            [vec!["+a", "+b"], vec!["+c"], vec!["-a", "-c", "+b"], vec!["-b"]]
        );
    }

    /// A deleted pod is gone for the port whatever its last phase, and a cluster without pods is told as such.
    #[tokio::test]
    async fn a_deleted_pod_is_gone() {
        let events = vec![
            Ok(Event::Init),
            Ok(Event::InitDone),
            Ok(Event::Apply(pod("a", "Running"))),
            Ok(Event::Delete(pod("a", "Running"))),
        ];
        let mut watch = PodWatch::new(Objects::of(stream::iter(events).boxed()), 7000);
        assert_eq!(Source::next(&mut watch).await, Some(Vec::new()));
        let phase = |events: Option<Vec<PodEvent>>| events.unwrap()[0].pod.phase;
        assert_eq!(phase(Source::next(&mut watch).await), PodPhase::Running);
        assert_eq!(phase(Source::next(&mut watch).await), PodPhase::Gone);
        assert_eq!(Source::next(&mut watch).await, None);
    }
}
