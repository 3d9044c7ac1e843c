//! Workers and replicas as child processes: the cluster port of the local world.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::Signal;
use tally_model::{NodeId, Pod, PodEvent, PodPhase, PodSpec, Service};
use tally_ports::{BoxSource, Cluster, Failure, Source};
use tokio::sync::{Notify, broadcast};

use super::process::{Process, signal};
use crate::config::NodeConfig;

/// Changes that may wait for a watcher; one that lags more must list again.
const CHANGES: usize = 4_096;
/// Processes at most; a runaway scaler stops here.
const PODS_MAX: usize = 512;

/// Why a pod cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{pods} pods exist, which is the bound of this machine; lower `max` sets or `replicas`")]
    TooMany { pods: usize },
    #[error("pod `{name}` has no usable configuration: {reason}")]
    Config { name: String, reason: String },
    #[error("pod `{name}` was not started: {source}")]
    Spawn { name: String, source: std::io::Error },
}

impl Failure for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Spawn { .. } => true,
            Self::Config { .. } => false,
        }
    }
}

#[derive(Debug)]
struct Entry {
    pod: Pod,
    /// How its process ended.
    ended: String,
    /// Deleted: leaves the table when its process is gone.
    deleted: bool,
}

#[derive(Debug, Default)]
struct Table {
    pods: BTreeMap<String, Entry>,
    services: BTreeMap<String, Service>,
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    changes: broadcast::Sender<Pod>,
    ended: Notify,
    logs: PathBuf,
}

/// All pods of this machine; clones share them, because a started process outlives the call that started it.
#[derive(Clone, Debug)]
pub(crate) struct Processes(Arc<Shared>);

impl Processes {
    pub(super) fn new(logs: PathBuf) -> Self {
        let (changes, _) = broadcast::channel(CHANGES);
        Self(Arc::new(Shared {
            table: Mutex::default(),
            changes,
            ended: Notify::new(),
            logs,
        }))
    }

    fn table<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        act(&mut self.0.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every pod, with how it ended.
    pub(super) fn all(&self) -> Vec<(Pod, String)> {
        self.table(|table| {
            table
                .pods
                .values()
                .map(|entry| (entry.pod.clone(), entry.ended.clone()))
                .collect()
        })
    }

    fn change(&self, name: &str, act: impl FnOnce(&mut Entry)) {
        let changed = self.table(|table| {
            let entry = table.pods.get_mut(name)?;
            act(entry);
            let pod = entry.pod.clone();
            if entry.deleted && pod.phase == PodPhase::Gone {
                table.pods.remove(name);
            }
            Some(pod)
        });
        if let Some(pod) = changed {
            let _ = self.0.changes.send(pod);
        }
    }

    /// Kills everything and waits until it is gone.
    pub(super) async fn stop_all(&self) {
        loop {
            let ended = self.0.ended.notified();
            let running: Vec<u32> = self.table(|table| {
                table
                    .pods
                    .values()
                    .filter(|entry| entry.pod.phase != PodPhase::Gone)
                    .filter_map(|entry| entry.pod.process)
                    .collect()
            });
            if running.is_empty() {
                return;
            }
            for process in running {
                signal(process, Signal::KILL);
            }
            ended.await;
        }
    }

    /// Adds a pod unless it exists; true if it is new.
    fn admit(&self, spec: &PodSpec) -> Result<(Pod, bool), Error> {
        let name = spec.name();
        self.table(|table| {
            if let Some(entry) = table.pods.get(&name) {
                return Ok((entry.pod.clone(), false));
            }
            if table.pods.len() >= PODS_MAX {
                return Err(Error::TooMany {
                    pods: table.pods.len(),
                });
            }
            let pod = Pod {
                name: name.clone(),
                node: spec.node,
                incarnation: spec.incarnation,
                phase: PodPhase::Starting,
                address: None,
                process: None,
            };
            table.pods.insert(
                name,
                Entry {
                    pod: pod.clone(),
                    ended: String::new(),
                    deleted: false,
                },
            );
            Ok((pod, true))
        })
    }

    async fn run(self, name: String, mut process: Process) {
        if let Some(announcement) = process.announced().await {
            self.change(&name, |entry| {
                entry.pod.phase = PodPhase::Running;
                entry.pod.address = Some(announcement.grpc.to_string());
            });
        }
        let ended = process.ended().await;
        tracing::info!(pod = name, ended, "a pod is gone");
        self.change(&name, |entry| {
            entry.pod.phase = PodPhase::Gone;
            entry.pod.address = None;
            entry.ended = ended;
        });
        self.0.ended.notify_waiters();
    }

    async fn start(&self, spec: &PodSpec) -> Result<(), Error> {
        let name = spec.name();
        let pod = serde_json::from_str(&spec.config).map_err(|error| Error::Config {
            name: name.clone(),
            reason: error.to_string(),
        })?;
        let config = NodeConfig {
            node: spec.node,
            incarnation: spec.incarnation,
            pod,
            parent: std::process::id(),
        };
        let role = match spec.node {
            NodeId::Worker(_) => "worker",
            NodeId::Replica(..) => "replica",
            NodeId::Control => {
                return Err(Error::Config {
                    name,
                    reason: "the control plane is not a pod here".into(),
                });
            }
        };
        let process = Process::start(role, &config, &self.0.logs.join(format!("{name}.log")))
            .await
            .map_err(|source| Error::Spawn {
                name: name.clone(),
                source,
            })?;
        let id = process.id;
        self.change(&name, |entry| entry.pod.process = Some(id));
        if self.table(|table| table.pods.get(&name).is_some_and(|entry| entry.deleted)) {
            signal(id, Signal::KILL);
        }
        tokio::spawn(self.clone().run(name, process));
        Ok(())
    }
}

impl Cluster for Processes {
    type Error = Error;

    async fn create_pod(&self, spec: &PodSpec) -> Result<Pod, Error> {
        let (pod, new) = self.admit(spec)?;
        if new && let Err(error) = self.start(spec).await {
            self.table(|table| table.pods.remove(&pod.name));
            return Err(error);
        }
        Ok(self.get_pod(&pod.name).await?.unwrap_or(pod))
    }

    async fn get_pod(&self, name: &str) -> Result<Option<Pod>, Error> {
        Ok(self.table(|table| table.pods.get(name).map(|entry| entry.pod.clone())))
    }

    async fn list_pods(&self) -> Result<Vec<Pod>, Error> {
        Ok(self.table(|table| table.pods.values().map(|entry| entry.pod.clone()).collect()))
    }

    async fn delete_pod(&self, name: &str) -> Result<(), Error> {
        self.change(name, |entry| entry.deleted = true);
        let process = self.table(|table| table.pods.get(name).and_then(|entry| entry.pod.process));
        if let Some(process) = process {
            signal(process, Signal::KILL);
        }
        Ok(())
    }

    async fn create_service(&self, service: &Service) -> Result<(), Error> {
        self.table(|table| {
            table
                .services
                .entry(service.name.clone())
                .or_insert_with(|| service.clone());
        });
        Ok(())
    }

    async fn get_service(&self, name: &str) -> Result<Option<Service>, Error> {
        Ok(self
            .list_services()
            .await?
            .into_iter()
            .find(|service| service.name == name))
    }

    async fn list_services(&self) -> Result<Vec<Service>, Error> {
        Ok(self.table(|table| {
            let worker_of = |operation, entry: &Entry| match entry.pod.node {
                NodeId::Worker(set) if set.operation == operation => entry.pod.address.clone(),
                NodeId::Worker(_) | NodeId::Replica(..) | NodeId::Control => None,
            };
            let filled = |service: &Service| Service {
                endpoints: table
                    .pods
                    .values()
                    .filter_map(|e| worker_of(service.operation, e))
                    .collect(),
                ..service.clone()
            };
            table.services.values().map(filled).collect()
        }))
    }

    async fn delete_service(&self, name: &str) -> Result<(), Error> {
        self.table(|table| table.services.remove(name));
        Ok(())
    }

    async fn watch_pods(&self) -> Result<BoxSource<PodEvent>, Error> {
        let changes = self.0.changes.subscribe();
        let first = self.list_pods().await?;
        Ok(Box::new(PodChanges {
            first: Some(first),
            changes,
        }))
    }
}

struct PodChanges {
    first: Option<Vec<Pod>>,
    changes: broadcast::Receiver<Pod>,
}

impl Source<PodEvent> for PodChanges {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Vec<PodEvent>>> + Send + '_>> {
        Box::pin(async move {
            if let Some(pods) = self.first.take() {
                return Some(pods.into_iter().map(|pod| PodEvent { pod }).collect());
            }
            // A watcher that lagged ends here, lists again, and so sees the newest.
            let first = self.changes.recv().await.ok()?;
            let mut events = vec![PodEvent { pod: first }];
            while let Ok(pod) = self.changes.try_recv() {
                events.push(PodEvent { pod });
            }
            Some(events)
        })
    }
}
