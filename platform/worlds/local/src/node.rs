//! A worker or a replica as a process: its machine, its streams, its health.

use std::net::Ipv4Addr;
use std::time::Duration;

use tally_consensus::Keys;
use tally_grpc::{Identity, NodeServer, StreamEvent, Streams};
use tally_model::{Machine, NodeId, Observation, SetRecord, TaskId};
use tally_ports::{Clock, Transport};
use tally_roles::packet::Packet;
use tally_roles::replica::{ReplicaCommand, ReplicaEvent, ReplicaRole};
use tally_roles::worker::{WorkerCommand, WorkerEvent, WorkerRole};
use tally_runtime::{Inbox, ObservationLog, SystemClock, drive, inbox};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::{Announcement, Error, announce, die_with_parent, read_config};
use crate::config::{NodeConfig, cluster_bytes};
use crate::memory::resident_bytes;

/// The kernel's name of a process that was told to lie.
pub(crate) const CORRUPT_NAME: &std::ffi::CStr = c"tally-corrupt";
/// Stream events that may wait.
const EVENTS: usize = 4_096;

/// Runs a worker or a replica until it is told to stop or its parent ends.
///
/// # Errors
/// Anything that keeps it from starting.
pub fn serve() -> Result<(), Error> {
    let parent = rustix::process::getppid();
    let config: NodeConfig = read_config()?;
    die_with_parent(parent)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::system("cannot start a runtime"))?;
    runtime.block_on(run(config))
}

/// What the glue around a machine needs.
struct Node {
    me: NodeId,
    /// Whether the supervisor may make it lie.
    corruptible: bool,
    streams: Streams,
    clock: SystemClock,
    log: ObservationLog,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

async fn run(config: NodeConfig) -> Result<(), Error> {
    let clock = SystemClock::start();
    let cluster = cluster_bytes(&config.pod.cluster)
        .ok_or_else(|| Error::Config(format!("`{}` is not a cluster name", config.pod.cluster)))?;
    let keys = Keys::generate(config.pod.platform.suite, rand::random())
        .map_err(|error| Error::Start(format!("no key: {error}")))?;
    let public_key = keys.public_key().to_string();
    let log = open_log(&config)?;
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let (sender, stream_events) = mpsc::channel(EVENTS);
    let streams = Streams::new(config.node, sender, tasks.clone(), shutdown.clone());
    let identity = Identity {
        node: config.node,
        incarnation: config.incarnation,
        public_key,
        rss: resident_bytes,
    };
    listen(identity, streams.clone(), &tasks, &shutdown).await?;
    let node = Node {
        me: config.node,
        corruptible: config.pod.platform.corruptible,
        streams,
        clock,
        log,
        tasks,
        shutdown: shutdown.clone(),
    };
    let platform = config.pod.platform;
    match config.node {
        NodeId::Worker(_) => {
            let machine = WorkerRole::new(platform, cluster, config.node, config.incarnation, keys)
                .map_err(unsupported)?;
            node.run_worker(machine, stream_events).await
        }
        NodeId::Replica(..) => {
            let machine = ReplicaRole::new(platform, cluster, config.node, config.incarnation, keys)
                .map_err(unsupported)?;
            node.run_replica(machine, stream_events).await
        }
        NodeId::Control => Err(Error::Config("the control plane is no pod".into())),
    }
}

fn unsupported(error: tally_consensus::Unsupported) -> Error {
    Error::Config(error.to_string())
}

fn open_log(config: &NodeConfig) -> Result<ObservationLog, Error> {
    let folder = config.pod.data.join("events");
    let name = format!(
        "{}-{}.jsonl",
        config.node.to_string().replace('/', "-"),
        config.incarnation
    );
    std::fs::create_dir_all(&folder)
        .and_then(|()| ObservationLog::open(&folder.join(&name)))
        .map_err(Error::system(format!(
            "cannot write {}",
            folder.join(&name).display()
        )))
}

async fn listen(
    identity: Identity,
    streams: Streams,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(Error::system("cannot listen on loopback"))?;
    let grpc = listener
        .local_addr()
        .map_err(Error::system("cannot read an address"))?;
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
    announce(&Announcement { grpc, http: None })
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
        let (streams, log, tasks) = (self.streams.clone(), self.log.clone(), self.tasks.clone());
        let obey = move |command| match command {
            WorkerCommand::Send { to, packet } => streams.send(to, tally_wire::encode(&packet)),
            WorkerCommand::Spin { task, duration } => spin(&tasks, sender.clone(), task, duration),
            WorkerCommand::Observe(observation) => log.record(&observation),
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
        let (streams, log) = (self.streams.clone(), self.log.clone());
        let obey = move |command| match command {
            ReplicaCommand::Send { to, packet } => streams.send(to, tally_wire::encode(&packet)),
            ReplicaCommand::Observe(observation) => log.record(&observation),
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
        self.log.record(&started);
        let mut terminate =
            signal(SignalKind::terminate()).map_err(Error::system("cannot handle SIGTERM"))?;
        let shutdown = self.shutdown.clone();
        tokio::select! {
            () = drive(machine, Vec::new(), receiver, self.clock, obey, shutdown) => {}
            _ = terminate.recv() => {}
        }
        self.shutdown.cancel();
        Ok(())
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
