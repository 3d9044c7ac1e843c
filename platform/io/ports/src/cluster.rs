//! The cluster: the report's eight calls (section 3.2: create, get, list and delete, of pods and of services).

use std::future::Future;

use serde::{Deserialize, Serialize};
use tally_model::{NodeId, Operation};

use crate::Failure;

/// A pod that should exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// Its place in the platform.
    pub node: NodeId,
    /// Which occupant of the place; with the node it makes the pod's name.
    pub incarnation: u32,
    /// The configuration handed to the process, JSON (see `tally_model::PlatformConfig`).
    pub config: String,
}

impl PodSpec {
    /// The pod's name: `add-3-worker-0`, `add-3-replica-2-1` (place, then incarnation).
    pub fn name(&self) -> String {
        format!("{}-{}", self.node.to_string().replace('/', "-"), self.incarnation)
    }
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PodPhase {
    /// Exists, does not answer yet.
    Starting,
    /// Listens on its address.
    Running,
    /// Its process is gone.
    Gone,
}

/// A pod that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// See [`PodSpec::name`].
    pub name: String,
    /// Its place.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// Where it is in its life.
    pub phase: PodPhase,
    /// Host and port of its gRPC server, once it runs.
    pub address: Option<String>,
    /// Process id on this machine, if it is a process of this machine.
    pub process: Option<u32>,
}

/// A named group of pods behind one address: the load balancer `LB_f` of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name, `add`.
    pub name: String,
    /// The workers of this operation belong to it.
    pub operation: Operation,
    /// Addresses of the workers that run, filled in on reading.
    #[serde(default)]
    pub endpoints: Vec<String>,
}

/// A change of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodEvent {
    /// The pod as it is now.
    pub pod: Pod,
}

/// Creates and deletes pods and services. Promises: create and delete are idempotent by name; list is eventually true.
pub trait Cluster: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Failure;

    /// Asks for a pod; a pod of that name that exists is left alone.
    fn create_pod(&self, spec: &PodSpec) -> impl Future<Output = Result<Pod, Self::Error>> + Send;
    /// One pod by name.
    fn get_pod(&self, name: &str) -> impl Future<Output = Result<Option<Pod>, Self::Error>> + Send;
    /// All pods.
    fn list_pods(&self) -> impl Future<Output = Result<Vec<Pod>, Self::Error>> + Send;
    /// Removes a pod; removing nothing is success.
    fn delete_pod(&self, name: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Asks for a service; one of that name that exists is left alone.
    fn create_service(&self, service: &Service) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// One service by name.
    fn get_service(&self, name: &str) -> impl Future<Output = Result<Option<Service>, Self::Error>> + Send;
    /// All services.
    fn list_services(&self) -> impl Future<Output = Result<Vec<Service>, Self::Error>> + Send;
    /// Removes a service; removing nothing is success.
    fn delete_service(&self, name: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Waits for changes of pods since the last call; the first call returns all pods. Ends with an error when the
    /// connection is lost: list and watch again.
    fn watch_pods(&self) -> impl Future<Output = Result<crate::BoxSource<PodEvent>, Self::Error>> + Send;
}
