//! The report's eight calls, over a real connection, against a cluster that remembers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tally_grpc::{ClusterClient, ClusterServer, Error};
use tally_model::{NodeId, Operation, Pod, PodEvent, PodPhase, PodSpec, Service, SetId};
use tally_ports::{BoxSource, Cluster, Failure, Source};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;

/// Pods and services in a map; every change is told to one watcher.
struct Remembering {
    pods: Mutex<BTreeMap<String, Pod>>,
    services: Mutex<BTreeMap<String, Service>>,
    changes: mpsc::UnboundedSender<Pod>,
    watch: Mutex<Option<mpsc::UnboundedReceiver<Pod>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("no room for `{0}`")]
struct Full(String);

impl Failure for Full {
    fn is_transient(&self) -> bool {
        true
    }
}

impl Cluster for Remembering {
    type Error = Full;

    async fn create_pod(&self, spec: &PodSpec) -> Result<Pod, Full> {
        if spec.config == "too much" {
            return Err(Full(spec.name()));
        }
        let mut pods = self.pods.lock().unwrap();
        let pod = pods.entry(spec.name()).or_insert_with(|| Pod {
            name: spec.name(),
            node: spec.node,
            incarnation: spec.incarnation,
            phase: PodPhase::Running,
            address: Some("host:1".into()),
            process: Some(42),
        });
        self.changes.send(pod.clone()).unwrap();
        Ok(pod.clone())
    }

    async fn get_pod(&self, name: &str) -> Result<Option<Pod>, Full> {
        Ok(self.pods.lock().unwrap().get(name).cloned())
    }

    async fn list_pods(&self) -> Result<Vec<Pod>, Full> {
        Ok(self.pods.lock().unwrap().values().cloned().collect())
    }

    async fn delete_pod(&self, name: &str) -> Result<(), Full> {
        if let Some(mut pod) = self.pods.lock().unwrap().remove(name) {
            pod.phase = PodPhase::Gone;
            self.changes.send(pod).unwrap();
        }
        Ok(())
    }

    async fn create_service(&self, service: &Service) -> Result<(), Full> {
        self.services
            .lock()
            .unwrap()
            .insert(service.name.clone(), service.clone());
        Ok(())
    }

    async fn get_service(&self, name: &str) -> Result<Option<Service>, Full> {
        Ok(self.services.lock().unwrap().get(name).cloned())
    }

    async fn list_services(&self) -> Result<Vec<Service>, Full> {
        Ok(self.services.lock().unwrap().values().cloned().collect())
    }

    async fn delete_service(&self, name: &str) -> Result<(), Full> {
        self.services.lock().unwrap().remove(name);
        Ok(())
    }

    async fn watch_pods(&self) -> Result<BoxSource<PodEvent>, Full> {
        Ok(Box::new(Changes(self.watch.lock().unwrap().take().unwrap())))
    }
}

struct Changes(mpsc::UnboundedReceiver<Pod>);

impl Source<PodEvent> for Changes {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Vec<PodEvent>>> + Send + '_>> {
        Box::pin(async { self.0.recv().await.map(|pod| vec![PodEvent { pod }]) })
    }
}

async fn served() -> ClusterClient {
    let (changes, watch) = mpsc::unbounded_channel();
    let cluster = Remembering {
        pods: Mutex::default(),
        services: Mutex::default(),
        changes,
        watch: Mutex::new(Some(watch)),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tonic::transport::Server::builder().add_service(ClusterServer::service(Arc::new(cluster)));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    ClusterClient::new(&address).unwrap()
}

fn spec(number: u32) -> PodSpec {
    let node = NodeId::Replica(
        SetId {
            operation: Operation::Div,
            number,
        },
        2,
    );
    PodSpec {
        node,
        incarnation: 5,
        config: "{}".into(),
    }
}

/// Create, get, list and delete of pods arrive as they were meant; what is not there is `None`, not an error.
#[tokio::test]
async fn pods_are_created_found_listed_and_deleted() {
    let client = served().await;
    let pod = client.create_pod(&spec(1)).await.unwrap();
    assert_eq!(
        (pod.name.as_str(), pod.node, pod.incarnation),
        ("div-1-replica-2-5", spec(1).node, 5)
    );
    assert_eq!(
        (pod.phase, pod.address.as_deref(), pod.process),
        (PodPhase::Running, Some("host:1"), Some(42))
    );
    assert_eq!(client.get_pod(&pod.name).await.unwrap(), Some(pod.clone()));
    assert_eq!(client.list_pods().await.unwrap(), std::slice::from_ref(&pod));
    client.delete_pod(&pod.name).await.unwrap();
    client.delete_pod(&pod.name).await.unwrap();
    assert_eq!(client.get_pod(&pod.name).await.unwrap(), None);
}

/// The same four calls for services.
#[tokio::test]
async fn services_are_created_found_listed_and_deleted() {
    let client = served().await;
    let service = Service {
        name: "div".into(),
        operation: Operation::Div,
        endpoints: vec!["host:1".into()],
    };
    client.create_service(&service).await.unwrap();
    assert_eq!(client.get_service("div").await.unwrap(), Some(service.clone()));
    assert_eq!(client.list_services().await.unwrap(), [service]);
    client.delete_service("div").await.unwrap();
    assert_eq!(client.get_service("div").await.unwrap(), None);
}

/// A watcher hears of what is created and of what is gone.
#[tokio::test]
async fn changes_of_pods_are_told() {
    let client = served().await;
    let mut watch = client.watch_pods().await.unwrap();
    let pod = client.create_pod(&spec(1)).await.unwrap();
    client.delete_pod(&pod.name).await.unwrap();
    let phases = [
        watch.next().await.unwrap()[0].pod.phase,
        watch.next().await.unwrap()[0].pod.phase,
    ];
    assert_eq!(phases, [PodPhase::Running, PodPhase::Gone]);
}

/// The one question about a failure, whether to try again, survives the wire.
#[tokio::test]
async fn a_transient_failure_stays_transient() {
    let client = served().await;
    let full = client
        .create_pod(&PodSpec {
            config: "too much".into(),
            ..spec(1)
        })
        .await
        .unwrap_err();
    assert!(full.is_transient(), "{full}");
    assert!(matches!(
        full,
        Error::Call {
            call: "CreatePod",
            ..
        }
    ));
}
