//! The roles of the control plane, each as a pod.

use std::sync::Arc;

use tally_grpc::{ClusterClient, ClusterServer, SchedulerServer, Streams};
use tally_http::Door;
use tally_kubernetes::{Access, Kubernetes, Operate, Settings, Template, connect};
use tally_model::{NodeId, Observation, Step};
use tally_ports::{Clock, Cluster, MetadataStore, Watch};
use tally_process::status::Status;
use tally_process::{Error, History, Observer, Room, World, until_terminated};
use tally_process::{admin, autoscaler, fleet, gateway, scheduler, status};
use tally_runtime::{ObservationLog, Ports, SystemClock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Role};
use crate::ports::{Pods, Stores};
use crate::recording::HISTORY_PREFIX;
use crate::serving::{Ready, bind, grpc, serve_grpc};
use crate::{adopt, hints, metrics};

/// Stream events that may wait.
const STREAM_EVENTS: usize = 16_384;
/// TriggerParsing calls that may wait.
const TRIGGERS: usize = 64;
/// Owner of everything the cluster service makes (deploy/base).
const OWNER: &str = "tally-config";

/// Runs the role until SIGTERM.
pub(crate) async fn run(role: Role, config: Config) -> Result<(), Error> {
    let (ready, shutdown) = (Ready::default(), CancellationToken::new());
    ready
        .serve(config.health, config.platform.limits, &shutdown)
        .await?;
    let ended = tokio::select! {
        started = start(role, &config, &shutdown) => match started {
            Ok(()) => {
                ready.set();
                until_terminated().await
            }
            Err(error) => Err(error),
        },
        told = until_terminated() => told,
    };
    shutdown.cancel();
    ended
}

async fn start(role: Role, config: &Config, shutdown: &CancellationToken) -> Result<(), Error> {
    let stores = Stores::connect(&config.stores, &config.platform, config.cluster).await?;
    let office = Office {
        config,
        stores,
        shutdown,
    };
    match role {
        Role::Gateway => office.gateway().await,
        Role::Scheduler => office.scheduler().await,
        Role::Fleet => office.fleet().await,
        Role::Admin => office.admin().await,
        Role::Autoscaler => office.autoscaler().await,
        Role::Metrics => office.metrics().await,
        Role::Worker | Role::Replica => Err(Error::Config(format!("{} is no control plane", role.name()))),
    }
}

/// What every role of the control plane is made from.
struct Office<'a> {
    config: &'a Config,
    stores: Stores,
    shutdown: &'a CancellationToken,
}

impl Office<'_> {
    fn room<C: Cluster>(&self, role: Role, cluster: C, observer: Observer) -> Room<Pods<C>> {
        let clock = SystemClock::start();
        let room = Room {
            platform: self.config.platform.clone(),
            cluster: self.config.cluster,
            ports: Ports {
                queue: Arc::clone(&self.stores.queue),
                metadata: Arc::clone(&self.stores.metadata),
                joint: None,
                cluster: Arc::new(cluster),
            },
            clock,
            observer,
            tasks: TaskTracker::new(),
            shutdown: self.shutdown.clone(),
        };
        let started = Observation::new(clock.now(), Step::RoleStarted)
            .with_node(NodeId::Control)
            .with_note(role.name());
        room.observe(&started);
        room
    }

    /// A room whose cluster port is the cluster service of another pod.
    fn visitor(&self, role: Role, observer: Observer) -> Result<Room<Pods<ClusterClient>>, Error> {
        let cluster = ClusterClient::new(&self.config.fleet_address)
            .map_err(|error| Error::Config(format!("TALLY_FLEET: {error}")))?;
        Ok(self.room(role, cluster, observer))
    }

    async fn gateway(&self) -> Result<(), Error> {
        let status = Arc::new(Status::new(self.config.platform.clone(), History::elsewhere()));
        let clock = SystemClock::start();
        let now = Arc::new(move || clock.now());
        let (door, events) = Door::new(self.config.platform.limits, now, Arc::clone(&status) as Arc<_>);
        let (log, seen, noted) = (
            ObservationLog::standard_output(),
            door.clone(),
            Arc::clone(&status),
        );
        let observer: Observer = Arc::new(move |observation| {
            log.record(observation);
            seen.observe(observation);
            noted.note(observation);
        });
        let room = self.visitor(Role::Gateway, observer)?;
        gateway::start(&room, door.clone(), events);
        status::start(&room, &status);
        room.tasks.spawn(collect_history(room.clone(), status));
        let listener = bind(self.config.http).await?;
        let shutdown = self.shutdown.clone().cancelled_owned();
        room.tasks.spawn(tally_http::serve(listener, door, shutdown));
        serve_grpc(grpc(), self.config.grpc, self.shutdown).await
    }

    async fn scheduler(&self) -> Result<(), Error> {
        let room = self.visitor(Role::Scheduler, to_standard_output())?;
        let (sender, events) = mpsc::channel(STREAM_EVENTS);
        let streams = Streams::new(NodeId::Control, sender, room.tasks.clone(), room.shutdown.clone());
        let (triggers, calls) = mpsc::channel(TRIGGERS);
        scheduler::start(&room, streams, events, calls, hints::tell(&room));
        let router = grpc().add_service(SchedulerServer::service(triggers));
        serve_grpc(router, self.config.grpc, self.shutdown).await
    }

    /// The cluster service of a platform whose pods Kubernetes makes.
    async fn adopting_fleet(&self) -> Result<(), Error> {
        let client = connect(&Access::Pod).await.map_err(failed)?;
        let room = self.visitor(Role::Fleet, to_standard_output())?;
        let (namespace, port) = (self.config.fleet.namespace.clone(), self.config.grpc.port());
        adopt::start(&room, Operate::new(client), namespace, port);
        serve_grpc(grpc(), self.config.grpc, self.shutdown).await
    }

    async fn fleet(&self) -> Result<(), Error> {
        if self.config.fleet.adopt {
            return self.adopting_fleet().await;
        }
        let wanted = &self.config.fleet;
        let text = std::fs::read_to_string(&wanted.template).map_err(Error::system(format!(
            "cannot read the pod template {}",
            wanted.template
        )))?;
        let settings = Settings {
            namespace: wanted.namespace.clone(),
            template: Template::parse(&text, wanted.image.as_deref()).map_err(failed)?,
            owner: Some(OWNER.to_owned()),
            port: self.config.grpc.port(),
        };
        let client = connect(&Access::Pod).await.map_err(failed)?;
        let room = self.room(
            Role::Fleet,
            Kubernetes::new(client, settings),
            to_standard_output(),
        );
        // Pods read their configuration from the same files as this one; the store keeps every record.
        fleet::start(&room, String::new(), |_| {});
        let router = grpc().add_service(ClusterServer::service(Arc::clone(&room.ports.cluster)));
        serve_grpc(router, self.config.grpc, self.shutdown).await
    }

    async fn admin(&self) -> Result<(), Error> {
        let room = self.visitor(Role::Admin, to_standard_output())?;
        hints::hear_lost(&room, admin::start(&room));
        serve_grpc(grpc(), self.config.grpc, self.shutdown).await
    }

    async fn metrics(&self) -> Result<(), Error> {
        let room = self.visitor(Role::Metrics, to_standard_output())?;
        metrics::start(&room, self.config.metrics).await
    }

    async fn autoscaler(&self) -> Result<(), Error> {
        let room = self.visitor(Role::Autoscaler, to_standard_output())?;
        hints::hear_arrivals(&room, autoscaler::start(&room));
        serve_grpc(grpc(), self.config.grpc, self.shutdown).await
    }
}

fn failed(error: tally_kubernetes::Error) -> Error {
    Error::Start(error.to_string())
}

fn to_standard_output() -> Observer {
    let log = ObservationLog::standard_output();
    Arc::new(move |observation| log.record(observation))
}

/// Keeps what the cluster service recorded at hand for auditors.
async fn collect_history<W: World>(room: Room<W>, status: Arc<Status>) {
    let work = async {
        let mut seen = 0;
        loop {
            if let Ok(mut watch) = room.ports.metadata.watch(HISTORY_PREFIX).await {
                while let Ok(mut changes) = watch.next().await {
                    changes.sort_by_key(|change| change.value.as_ref().map(|value| value.version));
                    for value in changes.into_iter().filter_map(|change| change.value) {
                        // A watch that begins again tells everything again.
                        if value.version > seen {
                            seen = value.version;
                            status.keep(&value.value);
                        }
                    }
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let shutdown = room.shutdown.clone();
    tokio::select! { () = work => {}, () = shutdown.cancelled() => {} }
}
