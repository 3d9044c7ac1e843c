//! What an operator does to a platform on a cluster: configure, scale, delete, look, read logs.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod as KubePod};
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::Error;
use crate::cluster::in_time;
use crate::deployment::DeploymentFacts;
use crate::fact::PodFact;
use crate::watch::{Change, Objects, watch_objects};

/// A machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its address inside the cluster's network.
    pub address: Option<String>,
    /// Whether its kubelet is heard.
    pub ready: bool,
}

/// An operator's calls.
#[derive(Clone)]
pub struct Operate {
    pub(crate) client: Client,
}

impl Debug for Operate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operate").finish_non_exhaustive()
    }
}

/// Changes of pods.
#[derive(Debug)]
pub struct PodFacts(Objects<KubePod>);

impl PodFacts {
    /// The next changes: first everything that exists; none if the watch has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Vec<Change<PodFact>>> {
        let changes = self.0.next().await?;
        let read = |change: Change<KubePod>| change.map(|pod| PodFact::read(&pod));
        Some(changes.into_iter().map(read).collect())
    }
}

impl Operate {
    /// Over `client`.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Replaces keys of a config map; other keys stay.
    ///
    /// # Errors
    /// The server's.
    pub async fn configure(
        &self,
        namespace: &str,
        name: &str,
        data: &BTreeMap<&str, String>,
    ) -> Result<(), Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let patch = Patch::Merge(json!({ "data": data }));
        let parameters = PatchParams::default();
        let work = api.patch(name, &parameters, &patch);
        in_time(format!("configure {namespace}/{name}"), work)
            .await
            .map(|_| ())
    }

    /// Sets the number of pods of every Deployment that `labels` chooses; returns their names.
    ///
    /// # Errors
    /// The server's.
    pub async fn scale(&self, namespace: &str, labels: &str, pods: u32) -> Result<Vec<String>, Error> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let chosen = ListParams::default().labels(labels);
        let list = in_time(format!("list deployments of {namespace}"), api.list(&chosen)).await?;
        let patch = Patch::Merge(json!({ "spec": { "replicas": pods } }));
        let mut names = Vec::new();
        for deployment in list.items {
            let name = deployment.name_any();
            let parameters = PatchParams::default();
            let work = api.patch_scale(&name, &parameters, &patch);
            in_time(format!("scale {namespace}/{name}"), work).await?;
            names.push(name);
        }
        Ok(names)
    }

    /// Deletes a pod; `grace` in seconds, 0 kills at once, none is the pod's own. Deleting nothing is success.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete_pod(&self, namespace: &str, name: &str, grace: Option<u32>) -> Result<(), Error> {
        let api: Api<KubePod> = Api::namespaced(self.client.clone(), namespace);
        let parameters = DeleteParams {
            grace_period_seconds: grace,
            ..DeleteParams::default()
        };
        match in_time(
            format!("delete pod {namespace}/{name}"),
            api.delete(name, &parameters),
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(404) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes every pod that `labels` chooses, at once.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete_pods(&self, namespace: &str, labels: &str) -> Result<(), Error> {
        let api: Api<KubePod> = Api::namespaced(self.client.clone(), namespace);
        let parameters = DeleteParams::default().grace_period(0);
        let chosen = ListParams::default().labels(labels);
        let work = api.delete_collection(&parameters, &chosen);
        in_time(format!("delete pods of {namespace}"), work)
            .await
            .map(|_| ())
    }

    /// The pods that `labels` chooses now, in all namespaces.
    ///
    /// # Errors
    /// The server's.
    pub async fn pods(&self, labels: &str) -> Result<Vec<PodFact>, Error> {
        let api: Api<KubePod> = Api::all(self.client.clone());
        let list = in_time(
            "list pods".into(),
            api.list(&ListParams::default().labels(labels)),
        )
        .await?;
        Ok(list.items.iter().map(PodFact::read).collect())
    }

    /// Watches the pods that `labels` chooses, in all namespaces.
    pub fn watch_pods(&self, labels: &str) -> PodFacts {
        PodFacts(watch_objects(Api::all(self.client.clone()), labels))
    }

    /// Watches the pods of one namespace that `labels` chooses.
    pub fn watch_pods_of(&self, namespace: &str, labels: &str) -> PodFacts {
        PodFacts(watch_objects(
            Api::namespaced(self.client.clone(), namespace),
            labels,
        ))
    }

    /// Watches the Deployments of one namespace that `labels` chooses.
    pub fn watch_deployments(&self, namespace: &str, labels: &str) -> DeploymentFacts {
        DeploymentFacts(watch_objects(
            Api::namespaced(self.client.clone(), namespace),
            labels,
        ))
    }

    /// The version of the API server, and so of its controllers if they are of one release: `v1.20.2`.
    ///
    /// # Errors
    /// The server's.
    pub async fn version(&self) -> Result<String, Error> {
        let told = in_time("ask for the version".into(), self.client.apiserver_version()).await?;
        Ok(told.git_version)
    }

    /// The machines of the cluster.
    ///
    /// # Errors
    /// The server's.
    pub async fn machines(&self) -> Result<Vec<Machine>, Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let list = in_time("list nodes".into(), api.list(&ListParams::default())).await?;
        Ok(list.items.iter().map(machine).collect())
    }

    /// Shows `line` every line that the pod's running container writes, from its beginning until it ends.
    ///
    /// # Errors
    /// The server's, when it starts or breaks.
    pub async fn follow_log(
        &self,
        namespace: &str,
        pod: &str,
        mut line: impl FnMut(&str) + Send,
    ) -> Result<(), Error> {
        let api: Api<KubePod> = Api::namespaced(self.client.clone(), namespace);
        let parameters = LogParams {
            follow: true,
            ..LogParams::default()
        };
        let call = format!("read the log of {namespace}/{pod}");
        let stream = in_time(call.clone(), api.log_stream(pod, &parameters)).await?;
        let mut lines = stream.lines().map_err(|error| Error::Call {
            call: call.clone(),
            reason: error.to_string(),
            code: None,
        });
        while let Some(text) = lines.next().await {
            line(&text?);
        }
        Ok(())
    }
}

fn machine(node: &Node) -> Machine {
    let status = node.status.as_ref();
    let addresses = status.and_then(|status| status.addresses.as_ref());
    let internal = addresses
        .into_iter()
        .flatten()
        .find(|address| address.type_ == "InternalIP");
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|one| one.type_ == "Ready");
    Machine {
        name: node.name_any(),
        address: internal.map(|address| address.address.clone()),
        ready: ready.is_some_and(|condition| condition.status == "True"),
    }
}
