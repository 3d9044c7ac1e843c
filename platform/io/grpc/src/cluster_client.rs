//! The cluster port as a client of a cluster service.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tally_model::{Pod, PodEvent, PodSpec, Service};
use tally_ports::{BoxSource, Cluster, Source};
use tally_wire::services::cluster_client::ClusterClient as Wire;
use tally_wire::services::{CreatePodRequest, ListRequest, NameRequest, PodList};
use tonic::transport::{Channel, Endpoint};

use crate::Error;
use crate::convert::{pod_from_wire, service_from_wire, service_to_wire};

/// Longest any of the eight calls may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls a cluster service; reconnects by itself.
#[derive(Clone, Debug)]
pub struct ClusterClient {
    calls: Wire<Channel>,
    watches: Wire<Channel>,
}

impl ClusterClient {
    /// For the service at `address` (host and port); connects with the first call.
    ///
    /// # Errors
    /// If the address is not one.
    pub fn new(address: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|source| Error::Connect {
                address: address.into(),
                source,
            })?
            .connect_timeout(Duration::from_secs(2));
        // A watch is meant to last; only calls have a time limit.
        let watches = Wire::new(endpoint.connect_lazy());
        let calls = Wire::new(endpoint.timeout(CALL_TIMEOUT).connect_lazy());
        Ok(Self { calls, watches })
    }
}

fn pods(call: &'static str, list: PodList) -> Result<Vec<Pod>, Error> {
    let pods = list
        .pods
        .into_iter()
        .map(pod_from_wire)
        .collect::<Result<Vec<_>, _>>();
    pods.map_err(|what| Error::Answer { call, what })
}

fn found<T>(
    call: &'static str,
    result: Result<tonic::Response<T>, tonic::Status>,
) -> Result<Option<T>, Error> {
    match result {
        Ok(response) => Ok(Some(response.into_inner())),
        Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
        Err(status) => Err(Error::call(call)(status)),
    }
}

impl Cluster for ClusterClient {
    type Error = Error;

    async fn create_pod(&self, spec: &PodSpec) -> Result<Pod, Error> {
        let request = CreatePodRequest {
            node: spec.node.to_string(),
            incarnation: spec.incarnation,
            config: spec.config.clone(),
        };
        let pod = self
            .calls
            .clone()
            .create_pod(request)
            .await
            .map_err(Error::call("CreatePod"))?;
        pod_from_wire(pod.into_inner()).map_err(|what| Error::Answer {
            call: "CreatePod",
            what,
        })
    }

    async fn get_pod(&self, name: &str) -> Result<Option<Pod>, Error> {
        let result = self
            .calls
            .clone()
            .get_pod(NameRequest { name: name.into() })
            .await;
        found("GetPod", result)?
            .map(|pod| pod_from_wire(pod).map_err(|what| Error::Answer { call: "GetPod", what }))
            .transpose()
    }

    async fn list_pods(&self) -> Result<Vec<Pod>, Error> {
        let list = self
            .calls
            .clone()
            .list_pods(ListRequest {})
            .await
            .map_err(Error::call("ListPods"))?;
        pods("ListPods", list.into_inner())
    }

    async fn delete_pod(&self, name: &str) -> Result<(), Error> {
        let request = NameRequest { name: name.into() };
        self.calls
            .clone()
            .delete_pod(request)
            .await
            .map_err(Error::call("DeletePod"))
            .map(|_| ())
    }

    async fn create_service(&self, service: &Service) -> Result<(), Error> {
        let request = service_to_wire(service);
        self.calls
            .clone()
            .create_service(request)
            .await
            .map_err(Error::call("CreateService"))
            .map(|_| ())
    }

    async fn get_service(&self, name: &str) -> Result<Option<Service>, Error> {
        let result = self
            .calls
            .clone()
            .get_service(NameRequest { name: name.into() })
            .await;
        found("GetService", result)?
            .map(|service| {
                service_from_wire(service).map_err(|what| Error::Answer {
                    call: "GetService",
                    what,
                })
            })
            .transpose()
    }

    async fn list_services(&self) -> Result<Vec<Service>, Error> {
        let list = self
            .calls
            .clone()
            .list_services(ListRequest {})
            .await
            .map_err(Error::call("ListServices"))?;
        let services = list
            .into_inner()
            .services
            .into_iter()
            .map(service_from_wire)
            .collect::<Result<_, _>>();
        services.map_err(|what| Error::Answer {
            call: "ListServices",
            what,
        })
    }

    async fn delete_service(&self, name: &str) -> Result<(), Error> {
        let request = NameRequest { name: name.into() };
        self.calls
            .clone()
            .delete_service(request)
            .await
            .map_err(Error::call("DeleteService"))
            .map(|_| ())
    }

    async fn watch_pods(&self) -> Result<BoxSource<PodEvent>, Error> {
        let stream = self
            .watches
            .clone()
            .watch_pods(ListRequest {})
            .await
            .map_err(Error::call("WatchPods"))?;
        Ok(Box::new(PodStream(stream.into_inner())))
    }
}

struct PodStream(tonic::Streaming<PodList>);

impl Source<PodEvent> for PodStream {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Vec<PodEvent>>> + Send + '_>> {
        Box::pin(async move {
            match self.0.message().await {
                Ok(Some(list)) => match pods("WatchPods", list) {
                    Ok(pods) => Some(pods.into_iter().map(|pod| PodEvent { pod }).collect()),
                    Err(error) => {
                        tracing::warn!(%error, "the pod watch ends");
                        None
                    }
                },
                Ok(None) | Err(_) => None,
            }
        })
    }
}
