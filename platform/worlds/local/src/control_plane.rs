//! The control plane as a process: gateway, scheduler, cluster service, admin and autoscaler over the embedded store.
//!
//! The five roles share nothing but queues and metadata keys (see ARCHITECTURE.md); here they share a process as well.

use std::sync::Arc;

use tally_embedded::{Embedded, Settings};
use tally_grpc::{ClusterClient, ClusterServer, SchedulerServer, Streams};
use tally_http::{Door, DoorEvent};
use tally_model::{NodeId, Observation, Step};
use tally_ports::Clock;
use tally_process::scheduler::Hints;
use tally_process::status::Status;
use tally_process::{Error, History, Room, World, until_terminated};
use tally_process::{admin, autoscaler, fleet, gateway, scheduler, status};
use tally_runtime::{Inbox, ObservationLog, Ports, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::{Announcement, announce, die_with_parent, read_config};
use crate::config::{ControlPlaneConfig, PodConfig, cluster_bytes};

/// Stream events that may wait.
const STREAM_EVENTS: usize = 16_384;
/// TriggerParsing calls that may wait.
const TRIGGERS: usize = 64;

/// The ports of the local world.
#[derive(Debug)]
struct Local;

impl World for Local {
    type Queue = Embedded;
    type Metadata = Embedded;
    type Cluster = ClusterClient;
}

/// What of the control plane faces outwards.
struct Front {
    door: Door,
    events: mpsc::Receiver<DoorEvent>,
    status: Arc<Status>,
}

/// Runs the control plane until it is told to stop or its parent ends.
///
/// # Errors
/// Anything that keeps it from starting, and a store that broke.
pub fn serve() -> Result<(), Error> {
    let config: ControlPlaneConfig = read_config()?;
    die_with_parent(config.parent)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::system("cannot start a runtime"))?;
    runtime.block_on(run(config))
}

async fn run(config: ControlPlaneConfig) -> Result<(), Error> {
    let clock = SystemClock::start();
    let store = Arc::new(open_store(&config)?);
    let front = front(&config, clock)?;
    let room = room(&config, clock, &store, &front)?;
    room.observe(&Observation::new(clock.now(), Step::RoleStarted).with_node(NodeId::Control));
    let (stream_sender, stream_events) = mpsc::channel(STREAM_EVENTS);
    let streams = Streams::new(
        NodeId::Control,
        stream_sender,
        room.tasks.clone(),
        room.shutdown.clone(),
    );
    let (trigger_sender, triggers) = mpsc::channel(TRIGGERS);
    let hints = hints(autoscaler::start(&room), admin::start(&room));
    scheduler::start(&room, streams, stream_events, triggers, hints);
    let kept = Arc::clone(&front.status);
    fleet::start(&room, pod_config(&config)?, move |record| kept.keep(record));
    gateway::start(&room, front.door.clone(), front.events);
    status::start(&room, &front.status);
    let announcement = listen(&room, front.door, &config, trigger_sender).await?;
    announce(&announcement)?;
    until_the_end(&store, &room.shutdown).await
}

fn front(config: &ControlPlaneConfig, clock: SystemClock) -> Result<Front, Error> {
    let sets = config.data.join("sets.jsonl");
    let history = History::open(&sets).map_err(Error::system(format!("cannot keep {}", sets.display())))?;
    let status = Arc::new(Status::new(config.platform.clone(), history));
    let now = Arc::new(move || clock.now());
    let (door, events) = Door::new(config.platform.limits, now, Arc::clone(&status) as Arc<_>);
    Ok(Front { door, events, status })
}

fn room(
    config: &ControlPlaneConfig,
    clock: SystemClock,
    store: &Arc<Embedded>,
    front: &Front,
) -> Result<Room<Local>, Error> {
    let events = config.data.join("events");
    let unwritable = format!("cannot write in {}", events.display());
    std::fs::create_dir_all(&events).map_err(Error::system(unwritable.clone()))?;
    let log = ObservationLog::open(&events.join("control.jsonl")).map_err(Error::system(unwritable))?;
    let cluster = ClusterClient::new(&config.supervisor.to_string())
        .map_err(|error| Error::Start(error.to_string()))?;
    let (door, status) = (front.door.clone(), Arc::clone(&front.status));
    Ok(Room {
        platform: config.platform.clone(),
        cluster: cluster_bytes(&config.cluster)?,
        ports: Ports {
            queue: Arc::clone(store),
            metadata: Arc::clone(store),
            joint: Some(Arc::clone(store) as Arc<_>),
            cluster: Arc::new(cluster),
        },
        clock,
        observer: Arc::new(move |observation| {
            log.record(observation);
            door.observe(observation);
            status.note(observation);
        }),
        tasks: TaskTracker::new(),
        shutdown: CancellationToken::new(),
    })
}

/// A full inbox means that the role has plenty to look at already.
fn hints(
    autoscaler: Inbox<tally_roles::autoscaler::Event>,
    admin: Inbox<tally_roles::admin::Event>,
) -> Hints {
    Hints {
        enqueued: Box::new(move |operation, count| {
            let _ = autoscaler.try_send(tally_roles::autoscaler::Event::Enqueued { operation, count });
        }),
        lost: Box::new(move |node| {
            let _ = admin.try_send(tally_roles::admin::Event::PeerLost { node });
        }),
    }
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
    room: &Room<Local>,
    door: Door,
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
            tally_grpc::incoming(grpc),
            room.shutdown.clone().cancelled_owned(),
        );
    room.tasks.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the gRPC server ended");
        }
    });
    room.tasks.spawn(tally_http::serve(
        http,
        door,
        room.shutdown.clone().cancelled_owned(),
    ));
    Ok(Announcement {
        grpc: grpc_address,
        http: Some(http_address),
    })
}

/// Waits for SIGTERM, or for the store to break: then nothing may be acknowledged any more, so the process ends.
async fn until_the_end(store: &Embedded, shutdown: &CancellationToken) -> Result<(), Error> {
    let result = tokio::select! {
        told = until_terminated() => told,
        error = store.broken() => Err(Error::Start(format!("the store failed, so this process ends: {error}"))),
    };
    shutdown.cancel();
    result
}
