//! A cluster for tests that have none.

use tally_model::{Pod, PodEvent, PodSpec, Service};
use tally_ports::{BoxSource, Cluster, Failure};

#[derive(Debug, thiserror::Error)]
#[error("there is no cluster here")]
pub(crate) struct Nowhere;

impl Failure for Nowhere {
    fn is_transient(&self) -> bool {
        false
    }
}

/// A cluster that cannot be had.
pub(crate) struct NoCluster;

impl Cluster for NoCluster {
    type Error = Nowhere;
    async fn create_pod(&self, _: &PodSpec) -> Result<Pod, Nowhere> {
        Err(Nowhere)
    }
    async fn get_pod(&self, _: &str) -> Result<Option<Pod>, Nowhere> {
        Err(Nowhere)
    }
    async fn list_pods(&self) -> Result<Vec<Pod>, Nowhere> {
        Err(Nowhere)
    }
    async fn delete_pod(&self, _: &str) -> Result<(), Nowhere> {
        Err(Nowhere)
    }
    async fn create_service(&self, _: &Service) -> Result<(), Nowhere> {
        Err(Nowhere)
    }
    async fn get_service(&self, _: &str) -> Result<Option<Service>, Nowhere> {
        Err(Nowhere)
    }
    async fn list_services(&self) -> Result<Vec<Service>, Nowhere> {
        Err(Nowhere)
    }
    async fn delete_service(&self, _: &str) -> Result<(), Nowhere> {
        Err(Nowhere)
    }
    async fn watch_pods(&self) -> Result<BoxSource<PodEvent>, Nowhere> {
        Err(Nowhere)
    }
}
