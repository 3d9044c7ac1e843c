//! Serves any cluster port as the report's cluster service.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tally_model::PodSpec;
use tally_ports::{BoxSource, Cluster, Failure, Source};
use tally_wire::services::cluster_server::{Cluster as Calls, ClusterServer as Wire};
use tally_wire::services::{
    CreatePodRequest, Empty, ListRequest, NameRequest, Pod, PodList, Service, ServiceList,
};
use tonic::{Request, Response, Status};

use crate::convert::{pod_to_wire, service_from_wire, service_to_wire};

/// A stream of changed pods.
pub type PodSource = Pin<Box<dyn Stream<Item = Result<PodList, Status>> + Send>>;

/// The eight calls, and the watch, over a port.
#[derive(Debug)]
pub struct ClusterServer<C> {
    cluster: Arc<C>,
}

impl<C: Cluster> ClusterServer<C> {
    /// A tonic service over `cluster`.
    pub fn service(cluster: Arc<C>) -> Wire<Self> {
        Wire::new(Self { cluster })
    }
}

fn failed(error: impl Failure) -> Status {
    if error.is_transient() {
        Status::unavailable(error.to_string())
    } else {
        Status::internal(error.to_string())
    }
}

fn missing(kind: &str, name: &str) -> Status {
    Status::not_found(format!("there is no {kind} `{name}`"))
}

fn spec(request: CreatePodRequest) -> Result<PodSpec, Status> {
    let node = request
        .node
        .parse()
        .map_err(|error| Status::invalid_argument(format!("node `{}`: {error}", request.node)))?;
    Ok(PodSpec {
        node,
        incarnation: request.incarnation,
        config: request.config,
    })
}

#[tonic::async_trait]
impl<C: Cluster> Calls for ClusterServer<C> {
    async fn create_pod(&self, request: Request<CreatePodRequest>) -> Result<Response<Pod>, Status> {
        let spec = spec(request.into_inner())?;
        let pod = self.cluster.create_pod(&spec).await.map_err(failed)?;
        Ok(Response::new(pod_to_wire(&pod, String::new())))
    }

    async fn get_pod(&self, request: Request<NameRequest>) -> Result<Response<Pod>, Status> {
        let name = request.into_inner().name;
        let pod = self
            .cluster
            .get_pod(&name)
            .await
            .map_err(failed)?
            .ok_or_else(|| missing("pod", &name))?;
        Ok(Response::new(pod_to_wire(&pod, String::new())))
    }

    async fn list_pods(&self, _: Request<ListRequest>) -> Result<Response<PodList>, Status> {
        let pods = self.cluster.list_pods().await.map_err(failed)?;
        let pods = pods.iter().map(|pod| pod_to_wire(pod, String::new())).collect();
        Ok(Response::new(PodList { pods }))
    }

    async fn delete_pod(&self, request: Request<NameRequest>) -> Result<Response<Empty>, Status> {
        self.cluster
            .delete_pod(&request.into_inner().name)
            .await
            .map_err(failed)?;
        Ok(Response::new(Empty {}))
    }

    async fn create_service(&self, request: Request<Service>) -> Result<Response<Empty>, Status> {
        let service = service_from_wire(request.into_inner()).map_err(Status::invalid_argument)?;
        self.cluster.create_service(&service).await.map_err(failed)?;
        Ok(Response::new(Empty {}))
    }

    async fn get_service(&self, request: Request<NameRequest>) -> Result<Response<Service>, Status> {
        let name = request.into_inner().name;
        let service = self.cluster.get_service(&name).await.map_err(failed)?;
        let service = service.ok_or_else(|| missing("service", &name))?;
        Ok(Response::new(service_to_wire(&service)))
    }

    async fn list_services(&self, _: Request<ListRequest>) -> Result<Response<ServiceList>, Status> {
        let services = self.cluster.list_services().await.map_err(failed)?;
        Ok(Response::new(ServiceList {
            services: services.iter().map(service_to_wire).collect(),
        }))
    }

    async fn delete_service(&self, request: Request<NameRequest>) -> Result<Response<Empty>, Status> {
        self.cluster
            .delete_service(&request.into_inner().name)
            .await
            .map_err(failed)?;
        Ok(Response::new(Empty {}))
    }

    type WatchPodsStream = PodSource;

    async fn watch_pods(&self, _: Request<ListRequest>) -> Result<Response<PodSource>, Status> {
        let source = self.cluster.watch_pods().await.map_err(failed)?;
        let stream = futures::stream::unfold(source, |mut source: BoxSource<_>| async move {
            let events: Vec<tally_model::PodEvent> = Source::next(source.as_mut()).await?;
            let pods = events
                .iter()
                .map(|event| pod_to_wire(&event.pod, String::new()))
                .collect();
            Some((Ok(PodList { pods }), source))
        });
        Ok(Response::new(Box::pin(stream)))
    }
}
