//! A worker or a replica as a process: its machine, its streams, its health.

use std::time::Duration;

use tally_consensus::Keys;
use tally_grpc::{Identity, NodeServer, StreamEvent, Streams};
use tally_model::{Machine, NodeId, Observation, PlatformConfig, SetRecord, TaskId};
use tally_ports::{Clock, Transport};
use tally_roles::packet::Packet;
use tally_roles::replica::{ReplicaCommand, ReplicaEvent, ReplicaRole};
use tally_roles::worker::{WorkerCommand, WorkerEvent, WorkerRole};
use tally_runtime::{Inbox, SystemClock, drive, inbox};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::memory::resident_bytes;
use crate::{Error, Observer, until_terminated};

/// Stream events that may wait.
const EVENTS: usize = 4_096;

/// What a node is.
pub struct Settings {
    /// Its place.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// The platform.
    pub platform: PlatformConfig,
    /// See [`crate::Room::cluster`].
    pub cluster: [u8; 16],
    /// For the record.
    pub observer: Observer,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("node", &self.node)
            .field("incarnation", &self.incarnation)
            .finish_non_exhaustive()
    }
}

/// What the glue around a machine needs.
struct Node {
    me: NodeId,
    streams: Streams,
    clock: SystemClock,
    observer: Observer,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// Runs a worker or a replica, served on `listener`, until SIGTERM.
///
/// # Errors
/// Anything that keeps it from starting.
pub async fn run(settings: Settings, listener: TcpListener) -> Result<(), Error> {
    let keys = Keys::generate(settings.platform.suite, rand::random())
        .map_err(|error| Error::Start(format!("no key: {error}")))?;
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let (sender, stream_events) = mpsc::channel(EVENTS);
    let streams = Streams::new(settings.node, sender, tasks.clone(), shutdown.clone());
    let identity = Identity {
        node: settings.node,
        incarnation: settings.incarnation,
        public_key: keys.public_key().to_string(),
        rss: resident_bytes,
    };
    serve(identity, streams.clone(), listener, &tasks, &shutdown);
    let node = Node {
        me: settings.node,
        streams,
        clock: SystemClock::start(),
        observer: settings.observer,
        tasks,
        shutdown,
    };
    let Settings {
        node: me,
        incarnation,
        platform,
        cluster,
        ..
    } = settings;
    match me {
        NodeId::Worker(_) => {
            let machine = WorkerRole::new(platform, cluster, me, incarnation, keys).map_err(unsupported)?;
            node.run_worker(machine, stream_events).await
        }
        NodeId::Replica(..) => {
            let machine = ReplicaRole::new(platform, cluster, me, incarnation, keys).map_err(unsupported)?;
            node.run_replica(machine, stream_events).await
        }
        NodeId::Control => Err(Error::Config("the control plane is no pod".into())),
    }
}

fn unsupported(error: tally_consensus::Unsupported) -> Error {
    Error::Config(error.to_string())
}

fn serve(
    identity: Identity,
    streams: Streams,
    listener: TcpListener,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) {
    let (_, health) = tonic_health::server::health_reporter();
    let server = tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(health)
        .add_service(NodeServer::service(identity, streams))
        .serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            shutdown.clone().cancelled_owned(),
        );
    tasks.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the node's server ended");
        }
    });
}

impl Node {
    /// Turns stream events into packets for the machine, and keeps routes to the set's replicas.
    fn forward<E: Send + 'static>(
        &self,
        mut events: mpsc::Receiver<StreamEvent>,
        inbox: Inbox<E>,
        wrap: fn(NodeId, Packet) -> E,
    ) {
        let (me, streams) = (self.me, self.streams.clone());
        self.tasks.spawn(async move {
            while let Some(event) = events.recv().await {
                let StreamEvent::Packet { from, payload } = event else {
                    continue;
                };
                let packet = match tally_wire::decode(&payload) {
                    Ok(packet) => packet,
                    Err(error) => {
                        tracing::warn!(%from, %error, "a packet was refused");
                        continue;
                    }
                };
                if let (NodeId::Control, Packet::Configure(record)) = (from, &packet) {
                    route(me, record, &streams);
                }
                if inbox.send(wrap(from, packet)).await.is_err() {
                    return;
                }
            }
        });
    }

    async fn run_worker(self, machine: WorkerRole, events: mpsc::Receiver<StreamEvent>) -> Result<(), Error> {
        let (sender, receiver) = inbox();
        self.forward(events, sender.clone(), |from, packet| WorkerEvent::Packet {
            from,
            packet,
        });
        let (streams, observer, tasks) = (self.streams.clone(), self.observer.clone(), self.tasks.clone());
        let obey = move |command| match command {
            WorkerCommand::Send { to, packet } => streams.send(to, tally_wire::encode(&packet)),
            WorkerCommand::Spin { task, duration } => spin(&tasks, sender.clone(), task, duration),
            WorkerCommand::Observe(observation) => observer(&observation),
        };
        self.drive(machine, receiver, obey).await
    }

    async fn run_replica(
        self,
        machine: ReplicaRole,
        events: mpsc::Receiver<StreamEvent>,
    ) -> Result<(), Error> {
        let (sender, receiver) = inbox();
        self.forward(events, sender, |from, packet| ReplicaEvent::Packet {
            from,
            packet,
        });
        let (streams, observer) = (self.streams.clone(), self.observer.clone());
        let obey = move |command| match command {
            ReplicaCommand::Send { to, packet } => streams.send(to, tally_wire::encode(&packet)),
            ReplicaCommand::Observe(observation) => observer(&observation),
        };
        self.drive(machine, receiver, obey).await
    }

    async fn drive<M: Machine>(
        self,
        machine: M,
        receiver: mpsc::Receiver<M::Event>,
        obey: impl FnMut(M::Command),
    ) -> Result<(), Error> {
        let started = Observation::new(self.clock.now(), tally_model::Step::RoleStarted).with_node(self.me);
        (self.observer)(&started);
        let shutdown = self.shutdown.clone();
        let ended = tokio::select! {
            () = drive(machine, Vec::new(), receiver, self.clock, obey, shutdown) => Ok(()),
            told = until_terminated() => told,
        };
        self.shutdown.cancel();
        ended
    }
}

/// Streams to the other members: the worker opens one to each replica, a replica to those after it.
fn route(me: NodeId, record: &SetRecord, streams: &Streams) {
    for member in &record.replicas {
        let ours = match (me, member.node) {
            (NodeId::Worker(_), NodeId::Replica(..)) => true,
            (NodeId::Replica(_, mine), NodeId::Replica(_, theirs)) => mine < theirs,
            _ => false,
        };
        if ours {
            streams.route(member.node, Some(member.address.clone()));
        }
    }
}

/// Burns CPU for the service time, away from the machine's thread.
fn spin(tasks: &TaskTracker, inbox: Inbox<WorkerEvent>, task: TaskId, duration: Duration) {
    tasks.spawn_blocking(move || {
        let until = std::time::Instant::now() + duration;
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        // A closed inbox means that the worker is stopping.
        let _ = inbox.blocking_send(WorkerEvent::SpinDone { task });
    });
}
