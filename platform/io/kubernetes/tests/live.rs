//! The adapter against a real API server. Skipped, loudly, where there is none.
//!
//! Uses the context that `TALLY_TEST_CONTEXT` names (`kind-tally-dev` by default) and only if it is one of kind's. Everything is made in
//! a namespace of its own, which goes at the end, whatever happens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a set-up that fails must fail the test"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tally_kubernetes::{Access, Autoscaler, Autoscalers, Kubernetes, Metric, Settings, Template, connect};
use tally_model::{NodeId, Operation, Pod, PodPhase, PodSpec, Service, SetId};
use tally_ports::{Cluster, Source};

const CALL: Duration = Duration::from_secs(20);
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A namespace that is deleted when it is dropped.
struct Ground {
    client: Client,
    name: String,
}

impl Ground {
    async fn make(client: Client) -> Self {
        let name = format!(
            "tally-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        let api: Api<Namespace> = Api::all(client.clone());
        api.create(&PostParams::default(), &namespace).await.unwrap();
        let owner: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "owner" } })).unwrap();
        let configs: Api<ConfigMap> = Api::namespaced(client.clone(), &name);
        configs.create(&PostParams::default(), &owner).await.unwrap();
        Self { client, name }
    }

    fn cluster(&self) -> Kubernetes {
        let template = json!({ "spec": {
            "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "tally", "image": "tally:dev", "imagePullPolicy": "Never" }],
        }});
        let settings = Settings {
            namespace: self.name.clone(),
            template: Template::parse(&template.to_string(), None).unwrap(),
            owner: Some("owner".into()),
            port: 7000,
        };
        Kubernetes::new(self.client.clone(), settings)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let (client, name) = (self.client.clone(), self.name.clone());
        // Dropping may happen while a runtime unwinds; another thread with another runtime is always there.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let api: Api<Namespace> = Api::all(client);
                api.delete(&name, &DeleteParams::default()).await.map(|_| ())
            })
        });
        assert!(
            removal.join().unwrap().is_ok(),
            "the test's namespace was not removed"
        );
    }
}

/// A client, or the reason why there is none.
async fn client() -> Result<Client, String> {
    let context = std::env::var("TALLY_TEST_CONTEXT").unwrap_or_else(|_| "kind-tally-dev".into());
    if !context.starts_with("kind-") {
        return Err(format!("context {context} is not one of kind's"));
    }
    let client = connect(&Access::Context(context))
        .await
        .map_err(|error| error.to_string())?;
    let asked = tokio::time::timeout(CALL, client.apiserver_version()).await;
    match asked {
        Ok(Ok(_)) => Ok(client),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the API server does not answer".into()),
    }
}

macro_rules! live {
    () => {
        match client().await {
            Ok(client) => Ground::make(client).await,
            Err(reason) => {
                eprintln!("SKIPPED, nothing was tested: no kind cluster ({reason}); deploy/kind/cluster.sh up makes one");
                return;
            }
        }
    };
}

fn spec(incarnation: u32) -> PodSpec {
    let set = SetId {
        operation: Operation::Add,
        number: 1,
    };
    PodSpec {
        node: NodeId::Worker(set),
        incarnation,
        config: String::new(),
    }
}

/// Reads the watch until it tells `phase` of the pod.
async fn told(watch: &mut tally_ports::BoxSource<tally_model::PodEvent>, name: &str, phase: PodPhase) -> Pod {
    let look = async {
        loop {
            let events = Source::next(watch.as_mut()).await.expect("the watch goes on");
            if let Some(event) = events
                .into_iter()
                .find(|event| event.pod.name == name && event.pod.phase == phase)
            {
                return event.pod;
            }
        }
    };
    tokio::time::timeout(CALL, look)
        .await
        .expect("the watch tells what happened")
}

/// The eight calls and the watch: create and delete are idempotent, what exists is listed, what goes is told.
#[tokio::test(flavor = "multi_thread")]
async fn the_eight_calls_and_the_watch() {
    let ground = live!();
    let cluster = ground.cluster();
    let mut watch = cluster.watch_pods().await.unwrap();
    assert_eq!(Source::next(watch.as_mut()).await, Some(Vec::new()));
    let made = cluster.create_pod(&spec(0)).await.unwrap();
    let again = cluster.create_pod(&spec(0)).await.unwrap();
    assert_eq!((made.name.as_str(), made.node), ("add-1-worker-0", spec(0).node));
    assert_eq!(again.name, made.name);
    told(&mut watch, "add-1-worker-0", PodPhase::Starting).await;
    cluster.create_pod(&spec(1)).await.unwrap();
    let names = |pods: Vec<Pod>| pods.into_iter().map(|pod| pod.name).collect::<Vec<_>>();
    assert_eq!(
        names(cluster.list_pods().await.unwrap()),
        ["add-1-worker-0", "add-1-worker-1"]
    );
    assert_eq!(cluster.get_pod("nobody").await.unwrap(), None);
    cluster.delete_pod("add-1-worker-0").await.unwrap();
    cluster.delete_pod("add-1-worker-0").await.unwrap();
    told(&mut watch, "add-1-worker-0", PodPhase::Gone).await;
    let service = Service {
        name: "add".into(),
        operation: Operation::Add,
        endpoints: Vec::new(),
    };
    cluster.create_service(&service).await.unwrap();
    cluster.create_service(&service).await.unwrap();
    // Who is behind it, Kubernetes finds out by itself, sooner or later.
    let bare = |found: Service| Service {
        endpoints: Vec::new(),
        ..found
    };
    let found = cluster.get_service("add").await.unwrap();
    assert_eq!(found.map(bare), Some(service.clone()));
    let listed = cluster.list_services().await.unwrap();
    assert_eq!(listed.into_iter().map(bare).collect::<Vec<_>>(), [service]);
    cluster.delete_service("add").await.unwrap();
    cluster.delete_service("add").await.unwrap();
    assert_eq!(cluster.get_service("add").await.unwrap(), None);
}

/// An owner that goes takes its pods along (Kubernetes' garbage collector).
#[tokio::test(flavor = "multi_thread")]
async fn pods_go_with_their_owner() {
    let ground = live!();
    let cluster = ground.cluster();
    let mut watch = cluster.watch_pods().await.unwrap();
    cluster.create_pod(&spec(7)).await.unwrap();
    let configs: Api<ConfigMap> = Api::namespaced(ground.client.clone(), &ground.name);
    configs.delete("owner", &DeleteParams::default()).await.unwrap();
    told(&mut watch, "add-1-worker-7", PodPhase::Gone).await;
}

/// A live autoscaler on an external metric is stored by the newest version that the server has, and reads back as it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_is_applied_by_the_newest_version() {
    let ground = live!();
    let autoscalers = Autoscalers::discover(ground.client.clone(), &ground.name)
        .await
        .unwrap();
    let wanted = Autoscaler {
        name: "worker-add".into(),
        operation: Operation::Add,
        deployment: "worker-add".into(),
        min: 1,
        max: 8,
        metric: Metric::External {
            name: "tally_layer_depth".into(),
            labels: BTreeMap::from([("operation".into(), "add".into())]),
            average: 4,
        },
    };
    autoscalers.apply(&wanted).await.unwrap();
    let wider = Autoscaler { max: 9, ..wanted };
    autoscalers.apply(&wider).await.unwrap();
    let live = autoscalers.get("worker-add").await.unwrap().expect("it exists");
    assert_eq!(live.spec, wider.spec(), "by {}", autoscalers.version());
    autoscalers.delete_all().await.unwrap();
    autoscalers.delete_all().await.unwrap();
    assert!(autoscalers.get("worker-add").await.unwrap().is_none());
}
