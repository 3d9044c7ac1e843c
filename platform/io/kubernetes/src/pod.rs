//! Pods between the port's type and Kubernetes'.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, Pod as KubePod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tally_model::{NodeId, Pod, PodPhase, PodSpec};

use crate::Error;
use crate::labels::{COMPONENT, INCARNATION, NODE, OPERATION, PART_OF, PLATFORM, SET};

/// The pod that workers and replicas are made after: one container, everything but name, labels, arguments and place.
#[derive(Clone, Debug)]
pub struct Template(KubePod);

impl Template {
    /// From the JSON of a pod; `image` replaces the container's.
    ///
    /// # Errors
    /// If it is not a pod with exactly one container.
    pub fn parse(json: &str, image: Option<&str>) -> Result<Self, Error> {
        let mut pod: KubePod =
            serde_json::from_str(json).map_err(|error| Error::Template(error.to_string()))?;
        let containers = pod.spec.iter_mut().flat_map(|spec| &mut spec.containers);
        let mut containers: Vec<_> = containers.collect();
        let [container] = containers.as_mut_slice() else {
            return Err(Error::Template(format!(
                "it has {} containers, not one",
                containers.len()
            )));
        };
        if let Some(image) = image {
            container.image = Some(image.to_owned());
        }
        Ok(Self(pod))
    }

    /// The pod as it stands.
    pub(crate) const fn pod(&self) -> &KubePod {
        &self.0
    }

    /// The pod for a place.
    pub(crate) fn fill(&self, spec: &PodSpec, owner: Option<OwnerReference>) -> KubePod {
        let mut pod = self.0.clone();
        let component = component(spec.node);
        pod.metadata.name = Some(spec.name());
        pod.metadata.owner_references = owner.map(|owner| vec![owner]);
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.extend(labels_of(spec));
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert(NODE.to_owned(), spec.node.to_string());
        for container in pod.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
            container.args = Some(vec!["serve".to_owned(), component.to_owned()]);
            let env = container.env.get_or_insert_default();
            env.push(variable("TALLY_NODE", spec.node.to_string()));
            env.push(variable("TALLY_INCARNATION", spec.incarnation.to_string()));
        }
        pod
    }
}

fn variable(name: &str, value: String) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    }
}

const fn component(node: NodeId) -> &'static str {
    match node {
        NodeId::Worker(_) => "worker",
        NodeId::Replica(..) => "replica",
        NodeId::Control => "control",
    }
}

fn labels_of(spec: &PodSpec) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (PART_OF.to_owned(), PLATFORM.to_owned()),
        (COMPONENT.to_owned(), component(spec.node).to_owned()),
        (INCARNATION.to_owned(), spec.incarnation.to_string()),
    ]);
    if let Some(set) = spec.node.set() {
        labels.insert(SET.to_owned(), set.to_string());
        labels.insert(OPERATION.to_owned(), set.operation.name().to_owned());
    }
    labels
}

/// A pod of the platform as the port has it; none if the pod has no place in it.
///
/// A pod that is being deleted counts as gone: it takes nothing new, and its place can be filled.
pub fn read_pod(pod: &KubePod, port: u16) -> Option<Pod> {
    let node = pod.metadata.annotations.as_ref()?.get(NODE)?.parse().ok()?;
    let incarnation = pod.metadata.labels.as_ref()?.get(INCARNATION)?.parse().ok()?;
    let status = pod.status.as_ref();
    let phase = match status.and_then(|status| status.phase.as_deref()) {
        _ if pod.metadata.deletion_timestamp.is_some() => PodPhase::Gone,
        Some("Running") => PodPhase::Running,
        Some("Succeeded" | "Failed") => PodPhase::Gone,
        _ => PodPhase::Starting,
    };
    let address = status.and_then(|status| status.pod_ip.as_ref());
    Some(Pod {
        name: pod.metadata.name.clone()?,
        node,
        incarnation,
        phase,
        address: address
            .filter(|_| phase == PodPhase::Running)
            .map(|ip| with_port(ip, port)),
        process: None,
    })
}

/// Host and port of an address; one of IPv6 needs brackets before its port.
pub fn with_port(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tally_model::{Operation, SetId};

    use super::*;

    fn template() -> String {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "labels": { "team": "ours" } },
            "spec": {
                "automountServiceAccountToken": false,
                "containers": [{ "name": "tally", "image": "tally:dev", "env": [{ "name": "A", "value": "1" }] }],
            },
        })
        .to_string()
    }

    fn spec(node: NodeId) -> PodSpec {
        PodSpec {
            node,
            incarnation: 2,
            config: String::new(),
        }
    }

    const SET_ID: SetId = SetId {
        operation: Operation::Add,
        number: 3,
    };

    /// What the template says stays; place, labels, arguments and owner are filled in.
    #[test]
    fn a_pod_is_the_template_with_its_place() {
        let owner = OwnerReference {
            name: "tally-config".into(),
            uid: "1".into(),
            ..OwnerReference::default()
        };
        let template = Template::parse(&template(), Some("tally:other")).unwrap();
        let pod = template.fill(&spec(NodeId::Replica(SET_ID, 1)), Some(owner));
        let pod = serde_json::to_value(pod).unwrap();
        assert_eq!(pod["metadata"]["name"], "add-3-replica-1-2");
        assert_eq!(pod["metadata"]["ownerReferences"][0]["name"], "tally-config");
        assert_eq!(
            pod["metadata"]["labels"],
            json!({
                "team": "ours", "app.kubernetes.io/part-of": "tally", "app.kubernetes.io/component": "replica",
                "tally.dev/set": "add-3", "tally.dev/operation": "add", "tally.dev/incarnation": "2",
            })
        );
        assert_eq!(
            pod["metadata"]["annotations"]["tally.dev/node"],
            "add-3/replica-1"
        );
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
        let container = &pod["spec"]["containers"][0];
        assert_eq!(container["image"], "tally:other");
        assert_eq!(container["args"], json!(["serve", "replica"]));
        assert_eq!(
            container["env"],
            json!([
                { "name": "A", "value": "1" }, { "name": "TALLY_NODE", "value": "add-3/replica-1" },
                { "name": "TALLY_INCARNATION", "value": "2" },
            ])
        );
    }

    /// A template that is no pod, or has none or two containers, is refused with the reason.
    #[test]
    fn a_useless_template_is_refused() {
        let none = json!({ "spec": { "containers": [] } }).to_string();
        let two = json!({ "spec": { "containers": [{ "name": "a" }, { "name": "b" }] } }).to_string();
        for (text, part) in [("{", "EOF"), (&*none, "0 containers"), (&*two, "2 containers")] {
            let refused = Template::parse(text, None).unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
    }

    /// Every phase of Kubernetes has its place in the port's three, and only what runs has an address.
    #[test]
    fn phases_are_read_as_the_port_has_them() {
        let node = NodeId::Worker(SET_ID);
        let filled = Template::parse(&template(), None)
            .unwrap()
            .fill(&spec(node), None);
        let read = |phase: Option<&str>, deleted: bool| {
            let mut pod = serde_json::to_value(&filled).unwrap();
            pod["status"] = json!({ "phase": phase, "podIP": "10.0.0.9" });
            if deleted {
                pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            }
            read_pod(&serde_json::from_value(pod).unwrap(), 7000).unwrap()
        };
        let cases = [
            (None, false, PodPhase::Starting),
            (Some("Pending"), false, PodPhase::Starting),
            (Some("Unknown"), false, PodPhase::Starting),
            (Some("Running"), false, PodPhase::Running),
            (Some("Running"), true, PodPhase::Gone),
            (Some("Succeeded"), false, PodPhase::Gone),
            (Some("Failed"), false, PodPhase::Gone),
        ];
        for (phase, deleted, wanted) in cases {
            let pod = read(phase, deleted);
            assert_eq!(pod.phase, wanted, "{phase:?} {deleted}");
            let address = (wanted == PodPhase::Running).then(|| "10.0.0.9:7000".to_owned());
            assert_eq!(pod.address, address);
            assert_eq!((pod.node, pod.incarnation), (node, 2));
        }
        assert_eq!(read_pod(&KubePod::default(), 7000), None);
        assert_eq!(with_port("fd00::9", 7000), "[fd00::9]:7000");
    }
}
