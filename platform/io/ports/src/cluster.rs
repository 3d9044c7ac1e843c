//! The cluster: the report's eight calls (section 3.2: create, get, list and delete, of pods and of services).

use std::future::Future;

use tally_model::{Pod, PodEvent, PodSpec, Service};

use crate::Failure;

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
