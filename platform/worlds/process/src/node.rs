//! A worker or a replica as a process: its machine, its streams, its health.

use std::time::Duration;

use tally_consensus::Keys;
use tally_grpc::{Identity, NodeServer, StreamEvent, Streams, incoming};
use tally_model::{Machine, NodeId, Observation, PlatformConfig, SetRecord, TaskId};
use tally_ports::{Clock, Transport};
use tally_roles::packet::Packet;
use tally_roles::replica::{ReplicaCommand, ReplicaEvent, ReplicaRole};
use tally_roles::worker::{WorkerCommand, WorkerEvent, WorkerRole};
use tally_runtime::{Inbox, SystemClock, drive, inbox};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::memory::resident_bytes;
use crate::{Error, Observer, until_terminated};

/// The kernel's name of a process that was told to lie.
pub const CORRUPT_NAME: &std::ffi::CStr = c"tally-corrupt";
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
    /// Whether the supervisor may make it lie.
    corruptible: bool,
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
        corruptible: settings.platform.corruptible,
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
        .add_service(health)
        .add_service(NodeServer::service(identity, streams))
        .serve_with_incoming_shutdown(incoming(listener), shutdown.clone().cancelled_owned());
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
        lost: fn(NodeId) -> E,
    ) {
        let (me, streams) = (self.me, self.streams.clone());
        self.tasks.spawn(async move {
            while let Some(event) = events.recv().await {
                let event = match event {
                    StreamEvent::Packet { from, payload } => match tally_wire::decode(&payload) {
                        Ok(packet) => {
                            if let (NodeId::Control, Packet::Configure(record)) = (from, &packet) {
                                route(me, record, &streams);
                            }
                            wrap(from, packet)
                        }
                        Err(error) => {
                            tracing::warn!(%from, %error, "a packet was refused");
                            continue;
                        }
                    },
                    StreamEvent::Lost(node) => lost(node),
                    StreamEvent::Up(_) => continue,
                };
                if inbox.send(event).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Lets the supervisor turn lies on and off by signals, if the experiment has such a fault. The process says so in its name.
    fn corrupt<E: Send + 'static>(&self, inbox: Inbox<E>, wrap: fn(bool) -> E) -> Result<(), Error> {
        if !self.corruptible {
            return Ok(());
        }
        let listen = |kind| signal(kind).map_err(Error::system("cannot handle the signals of an experiment"));
        let mut on = listen(SignalKind::user_defined1())?;
        let mut off = listen(SignalKind::user_defined2())?;
        self.tasks.spawn(async move {
            loop {
                let lies = tokio::select! {
                    Some(()) = on.recv() => true,
                    Some(()) = off.recv() => false,
                    else => return,
                };
                if inbox.send(wrap(lies)).await.is_err() {
                    return;
                }
                let name = if lies { CORRUPT_NAME } else { c"tally" };
                if let Err(error) = rustix::thread::set_name(name) {
                    tracing::warn!(%error, "the process could not be renamed");
                }
            }
        });
        Ok(())
    }

    async fn run_worker(self, machine: WorkerRole, events: mpsc::Receiver<StreamEvent>) -> Result<(), Error> {
        let (sender, receiver) = inbox();
        self.forward(
            events,
            sender.clone(),
            |from, packet| WorkerEvent::Packet { from, packet },
            |node| WorkerEvent::PeerLost { node },
        );
        self.corrupt(sender.clone(), WorkerEvent::Corrupt)?;
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
        self.corrupt(sender.clone(), ReplicaEvent::Corrupt)?;
        self.forward(
            events,
            sender,
            |from, packet| ReplicaEvent::Packet { from, packet },
            |node| ReplicaEvent::PeerLost { node },
        );
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
