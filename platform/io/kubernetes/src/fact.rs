//! Pods as an operator sees them: enough to choose, break and confirm.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod as KubePod};
use tally_model::NodeId;

use crate::labels::{COMPONENT, NODE, OPERATION};

/// What is known of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFact {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Never reused, unlike the name.
    pub uid: String,
    /// Its role.
    pub component: String,
    /// Its place, if it is a worker or a replica.
    pub node: Option<NodeId>,
    /// What it computes, if it is a worker or a replica: `add`.
    pub operation: Option<String>,
    /// Its address in the cluster's network, once it has one.
    pub ip: Option<String>,
    /// The machine it is on, once it is scheduled.
    pub host: Option<String>,
    /// It passes its readiness probe.
    pub ready: bool,
    /// It is being deleted, or all of its containers have ended for good.
    pub gone: bool,
    /// Its container's id at the container runtime, once it was started.
    pub container: Option<String>,
    /// Whether its container runs.
    pub running: bool,
    /// How often its container was restarted.
    pub restarts: u32,
    /// How its container last ended: `exit code 137 (Error)`; empty if it never did.
    pub ended: String,
}

impl PodFact {
    /// From the API server's object.
    pub fn read(pod: &KubePod) -> Self {
        let meta = &pod.metadata;
        let label = |name| meta.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
        let place = meta.annotations.as_ref().and_then(|notes| notes.get(NODE));
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        let container = status.and_then(|status| status.container_statuses.as_ref()?.first());
        let id = container.and_then(|container| container.container_id.as_deref());
        let running = |container: &ContainerStatus| {
            container
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
        };
        Self {
            name: meta.name.clone().unwrap_or_default(),
            namespace: meta.namespace.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            component: label(COMPONENT).unwrap_or_default(),
            node: place.and_then(|place| place.parse().ok()),
            operation: label(OPERATION),
            ip: status.and_then(|status| status.pod_ip.clone()),
            host: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            ready: container.is_some_and(|container| container.ready) && meta.deletion_timestamp.is_none(),
            gone: meta.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed")),
            // `containerd://<id>`
            container: id.map(|id| id.rsplit('/').next().unwrap_or(id).to_owned()),
            running: container.is_some_and(running),
            restarts: container.map_or(0, |container| container.restart_count as u32),
            ended: container.map(how_ended).unwrap_or_default(),
        }
    }
}

/// The newest end that the status tells of.
fn how_ended(container: &ContainerStatus) -> String {
    let ended = |state: &Option<ContainerState>| state.as_ref().and_then(|state| state.terminated.clone());
    let end = ended(&container.state).or_else(|| ended(&container.last_state));
    end.map_or_else(String::new, |end| {
        format!("exit code {} ({})", end.exit_code, end.reason.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A container that was killed and restarted shows both: that it runs, and how it ended before.
    #[test]
    fn a_restarted_container_tells_how_it_ended() {
        let pod = json!({
            "metadata": {
                "name": "scheduler-x", "namespace": "tally-system", "uid": "u",
                "labels": { "app.kubernetes.io/component": "scheduler" },
            },
            "spec": { "nodeName": "worker", "containers": [] },
            "status": { "phase": "Running", "containerStatuses": [{
                "name": "tally", "image": "tally:dev", "imageID": "", "ready": true, "restartCount": 1,
                "containerID": "containerd://abc", "state": { "running": {} },
                "lastState": { "terminated": { "exitCode": 137, "reason": "Error" } },
            }] },
        });
        let fact = PodFact::read(&serde_json::from_value(pod).unwrap());
        assert_eq!(fact.container.as_deref(), Some("abc"));
        assert_eq!(
            (fact.running, fact.ready, fact.gone, fact.restarts),
            (true, true, false, 1)
        );
        assert_eq!(fact.ended, "exit code 137 (Error)");
        assert_eq!(fact.node, None);
        assert_eq!(fact.component, "scheduler");
    }

    /// A pod that has just been made tells nothing that is not so.
    #[test]
    fn an_empty_pod_is_neither_running_nor_gone() {
        let fact = PodFact::read(&KubePod::default());
        assert!(!fact.running && !fact.ready && !fact.gone && fact.container.is_none());
    }
}
