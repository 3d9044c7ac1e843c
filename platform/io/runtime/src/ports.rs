//! Carries out what machines ask of ports, and answers into their inbox.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tally_model::{Change, Entry, Precondition, Put};
use tally_ports::{Cluster, Failure, Joint, MetadataStore, Queue, Source, Watch};
use tally_roles::port::{PortCommand, PortEvent, Trouble};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Inbox;

/// Pause before a lost watch is opened again.
const WATCH_PAUSE: Duration = Duration::from_millis(100);

/// The ports of a world.
pub struct Ports<Q, M, C> {
    /// Queues.
    pub queue: Arc<Q>,
    /// Metadata.
    pub metadata: Arc<M>,
    /// Queues and metadata, where they are one.
    pub joint: Option<Arc<dyn Joint>>,
    /// Pods and services.
    pub cluster: Arc<C>,
}

impl<Q, M, C> std::fmt::Debug for Ports<Q, M, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

impl<Q, M, C> Clone for Ports<Q, M, C> {
    fn clone(&self) -> Self {
        Self {
            queue: Arc::clone(&self.queue),
            metadata: Arc::clone(&self.metadata),
            joint: self.joint.clone(),
            cluster: Arc::clone(&self.cluster),
        }
    }
}

/// Carries out the port commands of one machine.
#[derive(Debug)]
pub struct PortRunner<Q, M, C, E> {
    ports: Ports<Q, M, C>,
    inbox: Inbox<E>,
    wrap: fn(PortEvent) -> E,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl<Q: Queue, M: MetadataStore, C: Cluster, E: Send + 'static> PortRunner<Q, M, C, E> {
    /// Answers go into `inbox` as `wrap(answer)`.
    pub fn new(
        ports: Ports<Q, M, C>,
        inbox: Inbox<E>,
        wrap: fn(PortEvent) -> E,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            ports,
            inbox,
            wrap,
            tasks,
            shutdown,
        }
    }

    fn spawn(&self, work: impl Future<Output = Option<PortEvent>> + Send + 'static) {
        let (inbox, wrap, shutdown) = (self.inbox.clone(), self.wrap, self.shutdown.clone());
        self.tasks.spawn(async move {
            let answer = async {
                if let Some(event) = work.await {
                    // A closed inbox means that the machine is gone; so is the interest in the answer.
                    let _ = inbox.send(wrap(event)).await;
                }
            };
            tokio::select! { () = answer => {}, () = shutdown.cancelled() => {} }
        });
    }

    /// Starts one command; never blocks.
    pub fn run(&self, command: PortCommand) {
        match command {
            PortCommand::Send { .. }
            | PortCommand::Receive { .. }
            | PortCommand::Delete { .. }
            | PortCommand::Extend { .. }
            | PortCommand::Depth { .. } => self.run_queue(command),
            PortCommand::Get { .. }
            | PortCommand::List { .. }
            | PortCommand::Put { .. }
            | PortCommand::PutAndSend { .. }
            | PortCommand::DeleteKey { .. }
            | PortCommand::Watch { .. } => self.run_metadata(command),
            PortCommand::CreatePod(_)
            | PortCommand::DeletePod(_)
            | PortCommand::WatchPods
            | PortCommand::CreateService(_) => self.run_cluster(command),
        }
    }

    fn run_queue(&self, command: PortCommand) {
        let queues = Arc::clone(&self.ports.queue);
        match command {
            PortCommand::Send { token, queue, bodies } => self.spawn(async move {
                Some(PortEvent::Sent(
                    token,
                    queues.send(queue, bodies).await.map_err(|error| trouble(&error)),
                ))
            }),
            PortCommand::Receive { queue, limit, wait } => self.spawn(async move {
                Some(PortEvent::Received(
                    queue,
                    queues
                        .receive(queue, limit, wait)
                        .await
                        .map_err(|error| trouble(&error)),
                ))
            }),
            PortCommand::Delete { queue, receipts } => self.spawn(async move {
                Some(PortEvent::Deleted(
                    queue,
                    queues
                        .delete(queue, receipts)
                        .await
                        .map_err(|error| trouble(&error)),
                ))
            }),
            PortCommand::Extend {
                queue,
                receipts,
                lease,
            } => self.spawn(async move {
                if let Err(error) = queues.extend(queue, receipts, lease).await {
                    tracing::warn!(%error, %queue, "leases were not extended");
                }
                None
            }),
            PortCommand::Depth { queue } => self.spawn(async move {
                Some(PortEvent::Depth(
                    queue,
                    queues.depth(queue).await.map_err(|error| trouble(&error)),
                ))
            }),
            _ => {}
        }
    }

    fn run_metadata(&self, command: PortCommand) {
        let store = Arc::clone(&self.ports.metadata);
        match command {
            PortCommand::Get { token, key } => {
                self.spawn(async move {
                    Some(PortEvent::Got(
                        token,
                        store.get(&key).await.map_err(|error| trouble(&error)),
                    ))
                });
            }
            PortCommand::List { token, prefix, limit } => {
                self.spawn(async move {
                    let listed = store.list(&prefix, limit).await;
                    Some(PortEvent::Listed(token, listed.map_err(|error| trouble(&error))))
                });
            }
            PortCommand::Put {
                token,
                key,
                value,
                when,
            } => self.spawn(async move {
                Some(PortEvent::PutDone(
                    token,
                    store
                        .put(&key, value, when)
                        .await
                        .map_err(|error| trouble(&error)),
                ))
            }),
            PortCommand::PutAndSend { token, entry } => {
                let ports = self.ports.clone();
                self.spawn(async move {
                    let put = put_and_send(&ports, entry).await;
                    Some(PortEvent::PutDone(token, put))
                });
            }
            PortCommand::DeleteKey { token, key, when } => self.spawn(async move {
                Some(PortEvent::KeyDeleted(
                    token,
                    store.delete(&key, when).await.map_err(|error| trouble(&error)),
                ))
            }),
            PortCommand::Watch { prefix } => self.watch(prefix),
            _ => {}
        }
    }

    /// Keeps a watch open for ever, and tells of deletions that happened while it was not.
    fn watch(&self, prefix: String) {
        let store = Arc::clone(&self.ports.metadata);
        let (inbox, wrap) = (self.inbox.clone(), self.wrap);
        self.spawn(async move {
            let mut known = BTreeSet::new();
            loop {
                if let Err(error) = follow(store.as_ref(), &prefix, &mut known, &inbox, wrap).await {
                    tracing::warn!(%error, %prefix, "a watch was lost and is opened again");
                }
                if inbox.is_closed() {
                    return None;
                }
                tokio::time::sleep(WATCH_PAUSE).await;
            }
        });
    }

    fn run_cluster(&self, command: PortCommand) {
        let cluster = Arc::clone(&self.ports.cluster);
        match command {
            PortCommand::CreatePod(spec) => self.spawn(async move {
                Some(PortEvent::PodCreated(
                    spec.name(),
                    cluster.create_pod(&spec).await.map_err(|error| trouble(&error)),
                ))
            }),
            PortCommand::DeletePod(name) => self.spawn(async move {
                let result = cluster.delete_pod(&name).await.map_err(|error| trouble(&error));
                Some(PortEvent::PodDeleted(name, result))
            }),
            PortCommand::WatchPods => self.watch_pods(),
            PortCommand::CreateService(service) => self.spawn(async move {
                if let Err(error) = cluster.create_service(&service).await {
                    tracing::warn!(%error, service = service.name, "a service was not created");
                }
                None
            }),
            _ => {}
        }
    }

    fn watch_pods(&self) {
        let cluster = Arc::clone(&self.ports.cluster);
        let (inbox, wrap) = (self.inbox.clone(), self.wrap);
        self.spawn(async move {
            loop {
                match cluster.watch_pods().await {
                    Ok(mut source) => {
                        while let Some(events) = Source::next(source.as_mut()).await {
                            let pods = events.into_iter().map(|event| event.pod).collect();
                            if inbox.send(wrap(PortEvent::Pods(pods))).await.is_err() {
                                return None;
                            }
                        }
                    }
                    Err(error) => tracing::warn!(%error, "the pod watch was lost and is opened again"),
                }
                tokio::time::sleep(WATCH_PAUSE).await;
            }
        });
    }
}

/// With one write where store and queue are one. Elsewhere the key decides first: a message before it might be of a request that
/// is refused.
async fn put_and_send<Q: Queue, M: MetadataStore, C>(
    ports: &Ports<Q, M, C>,
    entry: Entry,
) -> Result<Put, Trouble> {
    if let Some(joint) = &ports.joint {
        let put = joint.put_and_send(entry).await;
        return put.map_err(|error| trouble(&*error));
    }
    let put = ports.metadata.put(&entry.key, entry.value, Precondition::Absent);
    let put = put.await.map_err(|error| trouble(&error))?;
    if matches!(put, Put::Written(_)) {
        let sent = ports.queue.send(entry.queue, vec![entry.body]).await;
        sent.map_err(|error| trouble(&error))?;
    }
    Ok(put)
}

async fn follow<M: MetadataStore, E>(
    store: &M,
    prefix: &str,
    known: &mut BTreeSet<String>,
    inbox: &Inbox<E>,
    wrap: fn(PortEvent) -> E,
) -> Result<(), M::Error> {
    let mut watch = store.watch(prefix).await?;
    let mut first = true;
    loop {
        let mut changes = watch.next().await?;
        if std::mem::take(&mut first) {
            let present: BTreeSet<&String> = changes.iter().map(|change| &change.key).collect();
            let missed: Vec<Change> = known
                .iter()
                .filter(|key| !present.contains(key))
                .map(|key| Change {
                    key: key.clone(),
                    value: None,
                })
                .collect();
            changes.extend(missed);
        }
        for change in &changes {
            if change.value.is_some() {
                known.insert(change.key.clone());
            } else {
                known.remove(&change.key);
            }
        }
        if inbox
            .send(wrap(PortEvent::Changed(prefix.to_owned(), changes)))
            .await
            .is_err()
        {
            return Ok(());
        }
    }
}

fn trouble(error: &(impl Failure + ?Sized)) -> Trouble {
    Trouble {
        transient: error.is_transient(),
        message: error.to_string(),
    }
}
