//! Deployments as an operator sees them: what was asked for, and what is there.

use k8s_openapi::api::apps::v1::Deployment;

use crate::labels::OPERATION;
use crate::watch::{Change, Objects};

/// What is known of one Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentFact {
    /// Its name.
    pub name: String,
    /// What its pods compute: `add`.
    pub operation: Option<String>,
    /// Pods asked for (`spec.replicas`; one, if it does not say).
    pub wanted: u32,
    /// Pods there are (`status.replicas`), as its scale tells them to an autoscaler.
    pub there: u32,
    /// Pods that are ready.
    pub ready: u32,
}

impl DeploymentFact {
    fn read(deployment: &Deployment) -> Self {
        let labels = deployment.metadata.labels.as_ref();
        let status = deployment.status.as_ref();
        let count = |number: Option<i32>| number.unwrap_or(0).max(0) as u32;
        Self {
            name: deployment.metadata.name.clone().unwrap_or_default(),
            operation: labels.and_then(|labels| labels.get(OPERATION)).cloned(),
            wanted: count(deployment.spec.as_ref().map(|spec| spec.replicas.unwrap_or(1))),
            there: count(status.and_then(|status| status.replicas)),
            ready: count(status.and_then(|status| status.ready_replicas)),
        }
    }
}

/// Changes of Deployments.
#[derive(Debug)]
pub struct DeploymentFacts(pub(crate) Objects<Deployment>);

impl DeploymentFacts {
    /// The next changes: first everything that exists; none if the watch has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Vec<Change<DeploymentFact>>> {
        let changes = self.0.next().await?;
        let read = |change: Change<Deployment>| change.map(|one| DeploymentFact::read(&one));
        Some(changes.into_iter().map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is there follows what was asked for, and a new object has neither a status nor pods.
    #[test]
    fn what_is_asked_for_is_not_yet_there() {
        let read = |value| DeploymentFact::read(&serde_json::from_value(value).unwrap());
        let template = json!({ "metadata": {}, "spec": { "containers": [] } });
        let grown = read(json!({
            "metadata": { "name": "worker-mul", "labels": { "tally.dev/operation": "mul" } },
            "spec": { "replicas": 3, "selector": {}, "template": template },
            "status": { "replicas": 2, "readyReplicas": 1 },
        }));
        assert_eq!((grown.wanted, grown.there, grown.ready), (3, 2, 1));
        assert_eq!(grown.operation.as_deref(), Some("mul"));
        let fresh =
            read(json!({ "metadata": { "name": "x" }, "spec": { "selector": {}, "template": template } }));
        assert_eq!((fresh.wanted, fresh.there, fresh.ready), (1, 0, 0));
    }
}
