//! The eight calls of the cluster service and the watch, against one namespace.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Pod as KubePod, Service as KubeService};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::wait::{await_condition, conditions::is_pod_running};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_model::{Pod, PodEvent, PodPhase, PodSpec, Service};
use tally_ports::{BoxSource, Cluster};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::Error;
use crate::labels::{COMPONENT, NODE, PART_OF, PLATFORM};
use crate::pod::{Template, read_pod};
use crate::service::{self, LOAD_BALANCER};
use crate::watch::{PodWatch, watch_objects};

/// Longest any call may take.
const CALL: Duration = Duration::from_secs(10);

/// Pods that may be starting at once. Starting one costs a machine a second of its processors, and what starts takes them from what
/// serves; ReplicaSets begin with few for the same reason (`slowStartBatch`, pkg/controller/replicaset/replica_set.go).
const STARTING: usize = 6;
/// A pod that does not run by then makes way for the next.
const STARTED: Duration = Duration::from_secs(15);

/// What pods and services are made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they are.
    pub namespace: String,
    /// What pods are made after.
    pub template: Template,
    /// The ConfigMap of that namespace that owns them: with it they all go. None for no owner.
    pub owner: Option<String>,
    /// Where the gRPC server of every pod listens.
    pub port: u16,
}

/// One namespace of a cluster as the cluster port.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    settings: Settings,
    owner: Arc<OnceCell<Option<OwnerReference>>>,
    starting: Arc<Semaphore>,
}

impl Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Kubernetes {
    /// Over `client`.
    pub fn new(client: Client, settings: Settings) -> Self {
        Self {
            client,
            settings,
            owner: Arc::default(),
            starting: Arc::new(Semaphore::new(STARTING)),
        }
    }

    /// Gives the place back when the pod runs, or does not come.
    fn until_started(&self, name: String, place: Option<OwnedSemaphorePermit>) {
        let api = self.api::<KubePod>();
        tokio::spawn(async move {
            let running = await_condition(api, &name, is_pod_running());
            if tokio::time::timeout(STARTED, running).await.is_err() {
                tracing::warn!(pod = name, "a pod does not run after {STARTED:?}");
            }
            drop(place);
        });
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.settings.namespace)
    }

    /// The owner of everything this makes; asked for once.
    async fn owner(&self) -> Result<Option<OwnerReference>, Error> {
        let Some(name) = &self.settings.owner else {
            return Ok(None);
        };
        let ask = async {
            let owner = in_time(
                format!("get config map {name}"),
                self.api::<ConfigMap>().get(name),
            )
            .await?;
            Ok(owner.controller_owner_ref(&()).map(|reference| OwnerReference {
                controller: None,
                ..reference
            }))
        };
        self.owner.get_or_try_init(|| ask).await.cloned()
    }

    /// Creates an object; one of that name that exists is left alone and returned.
    async fn create<K>(&self, kind: &str, name: &str, object: &K) -> Result<K, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Serialize
            + Debug,
    {
        let api = self.api::<K>();
        let created = in_time(
            format!("create {kind} {name}"),
            api.create(&PostParams::default(), object),
        )
        .await;
        match created {
            Err(error) if error.code() == Some(409) => {
                in_time(format!("get {kind} {name}"), api.get(name)).await
            }
            answer => answer,
        }
    }

    /// Deletes an object; deleting nothing is success.
    async fn delete<K>(&self, kind: &str, name: &str) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api = self.api::<K>();
        match in_time(
            format!("delete {kind} {name}"),
            api.delete(name, &DeleteParams::default()),
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(404) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Gives an API call its time limit and its name.
pub(crate) async fn in_time<T>(
    call: String,
    work: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(CALL, work).await {
        Ok(answer) => answer.map_err(|error| Error::call(call, &error)),
        Err(_) => Err(Error::Late { call, after: CALL }),
    }
}

/// The pods that have a place in the platform.
fn ours() -> String {
    format!("{PART_OF}={PLATFORM},{COMPONENT} in (worker,replica)")
}

impl Cluster for Kubernetes {
    type Error = Error;

    async fn create_pod(&self, spec: &PodSpec) -> Result<Pod, Error> {
        let wanted = self.settings.template.fill(spec, self.owner().await?);
        // Never closed, so there is always a place some time.
        let place = Arc::clone(&self.starting).acquire_owned().await.ok();
        let made = self.create("pod", &spec.name(), &wanted).await?;
        self.until_started(spec.name(), place);
        // What an admission plugin strips, or somebody else's pod of that name, has no place here.
        Ok(read_pod(&made, self.settings.port).unwrap_or_else(|| {
            tracing::warn!(
                pod = spec.name(),
                "a pod of that name exists without annotation {NODE}"
            );
            Pod {
                name: spec.name(),
                node: spec.node,
                incarnation: spec.incarnation,
                phase: PodPhase::Gone,
                address: None,
                process: None,
            }
        }))
    }

    async fn get_pod(&self, name: &str) -> Result<Option<Pod>, Error> {
        let pod = in_time(format!("get pod {name}"), self.api::<KubePod>().get_opt(name)).await?;
        Ok(pod.and_then(|pod| read_pod(&pod, self.settings.port)))
    }

    async fn list_pods(&self) -> Result<Vec<Pod>, Error> {
        let api = self.api::<KubePod>();
        let list = in_time(
            "list pods".into(),
            api.list(&ListParams::default().labels(&ours())),
        )
        .await?;
        Ok(list
            .items
            .iter()
            .filter_map(|pod| read_pod(pod, self.settings.port))
            .collect())
    }

    async fn delete_pod(&self, name: &str) -> Result<(), Error> {
        self.delete::<KubePod>("pod", name).await
    }

    async fn create_service(&self, service: &Service) -> Result<(), Error> {
        let wanted = service::to_kube(service, self.settings.port, self.owner().await?);
        self.create("service", &service.name, &wanted).await.map(|_| ())
    }

    async fn get_service(&self, name: &str) -> Result<Option<Service>, Error> {
        let call = |kind: &str| format!("get {kind} {name}");
        let found = in_time(call("service"), self.api::<KubeService>().get_opt(name)).await?;
        let Some(mut service) = found.as_ref().and_then(service::from_kube) else {
            return Ok(None);
        };
        let endpoints = in_time(call("endpoints"), self.api::<Endpoints>().get_opt(name)).await?;
        service.endpoints = endpoints.as_ref().map(service::addresses).unwrap_or_default();
        Ok(Some(service))
    }

    async fn list_services(&self) -> Result<Vec<Service>, Error> {
        let ours = ListParams::default().labels(&format!("{PART_OF}={PLATFORM},{COMPONENT}={LOAD_BALANCER}"));
        let list = in_time("list services".into(), self.api::<KubeService>().list(&ours)).await?;
        let mut services: Vec<Service> = list.items.iter().filter_map(service::from_kube).collect();
        for service in &mut services {
            if let Some(found) = self.get_service(&service.name).await? {
                *service = found;
            }
        }
        Ok(services)
    }

    async fn delete_service(&self, name: &str) -> Result<(), Error> {
        self.delete::<KubeService>("service", name).await
    }

    async fn watch_pods(&self) -> Result<BoxSource<PodEvent>, Error> {
        let pods = watch_objects(self.api::<KubePod>(), &ours());
        Ok(Box::new(PodWatch::new(pods, self.settings.port)))
    }
}
