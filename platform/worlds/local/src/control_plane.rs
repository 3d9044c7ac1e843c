//! The control plane as a process: gateway, scheduler, cluster service, admin and autoscaler over the embedded store.
//!
//! The five roles share nothing but queues and metadata keys (see ARCHITECTURE.md); here they share a process as well.

mod admin;
mod autoscaler;
mod fleet;
mod gateway;
mod history;
mod scheduler;
mod status;

use std::sync::Arc;

use tally_embedded::{Embedded, Settings};
use tally_grpc::{ClusterClient, ClusterServer, Probe, SchedulerServer, Streams};
use tally_http::Door;
use tally_model::{NodeId, Observation, PlatformConfig, Step};
use tally_ports::Clock;
use tally_roles::port::PortEvent;
use tally_runtime::{Inbox, ObservationLog, PortRunner, Ports, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::{Announcement, Error, announce, die_with_parent, read_config};
use crate::config::{ControlPlaneConfig, PodConfig, cluster_bytes};

/// Stream events that may wait.
const STREAM_EVENTS: usize = 16_384;
/// TriggerParsing calls that may wait.
const TRIGGERS: usize = 64;

/// What every role's glue needs.
#[derive(Clone)]
struct Room {
    platform: PlatformConfig,
    cluster: [u8; 16],
    ports: Ports<Embedded, Embedded, ClusterClient>,
    clock: SystemClock,
    log: ObservationLog,
    door: Door,
    status: Arc<status::Status>,
    probe: Probe,
    streams: Streams,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Room {
    fn runner<E: Send + 'static>(
        &self,
        inbox: Inbox<E>,
        wrap: fn(PortEvent) -> E,
    ) -> PortRunner<Embedded, Embedded, ClusterClient, E> {
        PortRunner::new(
            self.ports.clone(),
            inbox,
            wrap,
            self.tasks.clone(),
            self.shutdown.clone(),
        )
    }

    fn observe(&self, observation: Observation) {
        self.log.record(&observation);
        self.door.observe(&observation);
        self.status.note(&observation);
    }
}

/// Runs the control plane until it is told to stop or its parent ends.
///
/// # Errors
/// Anything that keeps it from starting, and a store that broke.
pub fn serve() -> Result<(), Error> {
    let parent = rustix::process::getppid();
    let config: ControlPlaneConfig = read_config()?;
    die_with_parent(parent)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::system("cannot start a runtime"))?;
    runtime.block_on(run(config))
}

async fn run(config: ControlPlaneConfig) -> Result<(), Error> {
    let clock = SystemClock::start();
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let events = config.data.join("events");
    std::fs::create_dir_all(&events).map_err(Error::system(format!("cannot create {}", events.display())))?;
    let log = ObservationLog::open(&events.join("control.jsonl"))
        .map_err(Error::system(format!("cannot write in {}", events.display())))?;
    let store = Arc::new(open_store(&config)?);
    let cluster = ClusterClient::new(&config.supervisor.to_string())
        .map_err(|error| Error::Start(error.to_string()))?;
    let (stream_sender, stream_events) = mpsc::channel(STREAM_EVENTS);
    let streams = Streams::new(NodeId::Control, stream_sender, tasks.clone(), shutdown.clone());
    let ports = Ports {
        queue: Arc::clone(&store),
        metadata: Arc::clone(&store),
        cluster: Arc::new(cluster),
    };
    let sets = config.data.join("sets.jsonl");
    let history =
        history::History::open(&sets).map_err(Error::system(format!("cannot keep {}", sets.display())))?;
    let status = Arc::new(status::Status::new(config.platform.clone(), history));
    let now = Arc::new(move || clock.now());
    let (door, door_events) = Door::new(config.platform.limits, now, Arc::clone(&status) as Arc<_>);
    let room = Room {
        cluster: cluster_bytes(&config.cluster)
            .ok_or_else(|| Error::Config(format!("`{}` is not a cluster name", config.cluster)))?,
        platform: config.platform.clone(),
        ports,
        clock,
        log,
        door,
        status,
        probe: Probe::default(),
        streams,
        tasks,
        shutdown: shutdown.clone(),
    };
    room.observe(Observation::new(clock.now(), Step::RoleStarted).with_node(NodeId::Control));
    let (trigger_sender, triggers) = mpsc::channel(TRIGGERS);
    let autoscaler = autoscaler::start(&room);
    let admin = admin::start(&room);
    scheduler::start(&room, stream_events, triggers, autoscaler, admin);
    fleet::start(&room, pod_config(&config)?);
    gateway::start(&room, door_events);
    status::start(&room);
    let announcement = listen(&room, &config, trigger_sender).await?;
    announce(&announcement)?;
    until_the_end(&store, &shutdown).await
}

fn open_store(config: &ControlPlaneConfig) -> Result<Embedded, Error> {
    let settings = Settings {
        visibility: config.platform.timing.visibility,
        receives: config.platform.limits.receives,
    };
    let path = config.data.join("tally.redb");
    Embedded::open(&path, settings).map_err(|error| Error::Start(format!("{}: {error}", path.display())))
}

fn pod_config(config: &ControlPlaneConfig) -> Result<String, Error> {
    let pod = PodConfig {
        platform: config.platform.clone(),
        cluster: config.cluster.clone(),
        data: config.data.clone(),
    };
    serde_json::to_string(&pod).map_err(|error| Error::Start(error.to_string()))
}

async fn listen(
    room: &Room,
    config: &ControlPlaneConfig,
    triggers: mpsc::Sender<tally_grpc::TriggerParsing>,
) -> Result<Announcement, Error> {
    let bind = async |address| {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(Error::system(format!("cannot listen on {address}")))?;
        let address = listener
            .local_addr()
            .map_err(Error::system("cannot read an address"))?;
        Ok::<_, Error>((listener, address))
    };
    let (http, http_address) = bind(config.http).await?;
    let (grpc, grpc_address) = bind(config.grpc).await?;
    let (_, health) = tonic_health::server::health_reporter();
    let server = tonic::transport::Server::builder()
        .add_service(health)
        .add_service(ClusterServer::service(Arc::clone(&room.ports.cluster)))
        .add_service(SchedulerServer::service(triggers))
        .serve_with_incoming_shutdown(
            TcpListenerStream::new(grpc),
            room.shutdown.clone().cancelled_owned(),
        );
    room.tasks.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the gRPC server ended");
        }
    });
    room.tasks.spawn(tally_http::serve(
        http,
        room.door.clone(),
        room.shutdown.clone().cancelled_owned(),
    ));
    Ok(Announcement {
        grpc: grpc_address,
        http: Some(http_address),
    })
}

/// Waits for SIGTERM, or for the store to break: then nothing may be acknowledged any more, so the process ends.
async fn until_the_end(store: &Embedded, shutdown: &CancellationToken) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::system("cannot handle SIGTERM"))?;
    let result = tokio::select! {
        _ = terminate.recv() => Ok(()),
        error = store.broken() => Err(Error::Start(format!("the store failed, so this process ends: {error}"))),
    };
    shutdown.cancel();
    result
}
