//! What must hold of every rendered overlay. A rule gives every place where it is broken.

use serde_json::Value;
use tally::AGENTS_MAX;
use tally_model::{Operation, PlatformConfig};

use super::rendered::{Rendered, title};

/// A rule, and a change to an object that breaks it; the change says whether it found what it breaks.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) violations: fn(&Rendered) -> Vec<String>,
    pub(crate) plant: fn(&mut Value) -> bool,
}

/// The namespaces there are.
const NAMESPACES: [&str; 4] = ["tally-system", "tally-store", "tally-workers", "tally-load"];

/// Every rule about single objects and pods.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "everything carries the label that `tally down` removes by, and stands in a namespace of ours",
        violations: unlabelled,
        plant: |object| {
            object["kind"] == "Service" && take(object, "/metadata/labels/app.kubernetes.io~1part-of")
        },
    },
    Rule {
        name: "no pod is root or touches its node",
        violations: privileged_pods,
        plant: |object| {
            set(
                object,
                "/spec/template/spec/securityContext/runAsNonRoot",
                false.into(),
            )
        },
    },
    Rule {
        name: "no container may gain rights or write to its root",
        violations: privileged_containers,
        plant: |object| {
            let place = "/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem";
            set(object, place, false.into())
        },
    },
    Rule {
        name: "every container says what it needs at least and at most",
        violations: without_resources,
        plant: |object| take(object, "/spec/template/spec/containers/0/resources/limits/memory"),
    },
    Rule {
        name: "every container that serves is probed for being alive and for being ready, at a port it names",
        violations: without_probes,
        plant: |object| {
            set(
                object,
                "/spec/template/spec/containers/0/readinessProbe/httpGet/port",
                "elsewhere".into(),
            )
        },
    },
    Rule {
        name: "a token is mounted where the API is spoken to, and nowhere else",
        violations: tokens,
        plant: |object| {
            object["metadata"]["name"] == "gateway"
                && set(
                    object,
                    "/spec/template/spec/automountServiceAccountToken",
                    true.into(),
                )
        },
    },
    Rule {
        name: "images are named once, by a version, and the fleet makes pods of the image it runs itself",
        violations: images,
        plant: |object| {
            set(
                object,
                "/spec/template/spec/containers/0/image",
                "other:latest".into(),
            )
        },
    },
    Rule {
        name: "a service finds a pod and a port of it",
        violations: lost_services,
        plant: |object| {
            object["kind"] == "Service" && set(object, "/spec/ports/0/targetPort", "nowhere".into())
        },
    },
    Rule {
        name: "namespaces demand restricted pods and have a quota with room for the largest platform",
        violations: loose_namespaces,
        plant: |object| {
            object["metadata"]["namespace"] == "tally-workers" && set(object, "/spec/hard/pods", "40".into())
        },
    },
    Rule {
        name: "the configuration is one that the platform reads",
        violations: unreadable_configuration,
        plant: |object| set(object, "/data/platform.json", "{\"protocol\": \"gossip\"}".into()),
    },
];

fn take(object: &mut Value, pointer: &str) -> bool {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let found = object.pointer_mut(parent).and_then(Value::as_object_mut);
    found.is_some_and(|map| map.remove(&key).is_some())
}

fn set(object: &mut Value, pointer: &str, value: Value) -> bool {
    object.pointer_mut(pointer).map(|place| *place = value).is_some()
}

fn unlabelled(rendered: &Rendered) -> Vec<String> {
    let is_ours = |labels: &Value| labels["app.kubernetes.io/part-of"] == "tally";
    let mut found = Vec::new();
    for object in &rendered.objects {
        if !is_ours(&object["metadata"]["labels"]) {
            found.push(title(object));
        }
        let namespace = object["metadata"]["namespace"].as_str();
        let cluster_wide = ["Namespace", "APIService", "ClusterRole", "ClusterRoleBinding"];
        let is_cluster_wide = cluster_wide.iter().any(|kind| object["kind"] == *kind);
        if !is_cluster_wide && !namespace.is_some_and(|name| NAMESPACES.contains(&name)) {
            found.push(format!("{}: in no namespace of ours", title(object)));
        }
    }
    let pods = rendered.pods().into_iter();
    found.extend(
        pods.filter(|(_, pod)| !is_ours(&pod["metadata"]["labels"]))
            .map(|(name, _)| name),
    );
    found
}

fn privileged_pods(rendered: &Rendered) -> Vec<String> {
    let is_restricted = |pod: &Value| {
        let (spec, context) = (&pod["spec"], &pod["spec"]["securityContext"]);
        let on_host = ["hostNetwork", "hostPID", "hostIPC"]
            .iter()
            .any(|key| spec[key] == true);
        let volumes = spec["volumes"].as_array().into_iter().flatten();
        let bounded = |volume: &Value| volume.get("hostPath").is_none() && unsized_scratch(volume).is_none();
        context["runAsNonRoot"] == true
            && context["runAsUser"].as_u64().is_some_and(|user| user > 0)
            && context["seccompProfile"]["type"] == "RuntimeDefault"
            && spec["enableServiceLinks"] == false
            && !on_host
            && volumes.into_iter().all(bounded)
    };
    offending_pods(rendered, is_restricted)
}

/// An emptyDir without a bound may fill the node.
fn unsized_scratch(volume: &Value) -> Option<()> {
    let scratch = volume.get("emptyDir")?;
    scratch.get("sizeLimit").is_none().then_some(())
}

fn offending_pods(rendered: &Rendered, holds: impl Fn(&Value) -> bool) -> Vec<String> {
    let pods = rendered.pods().into_iter();
    pods.filter(|(_, pod)| !holds(pod))
        .map(|(name, _)| name)
        .collect()
}

fn offending_containers(rendered: &Rendered, holds: impl Fn(&Value) -> bool) -> Vec<String> {
    offending_pods(rendered, |pod| {
        let containers = |key: &str| pod["spec"][key].as_array().cloned().unwrap_or_default();
        let all = [containers("containers"), containers("initContainers")].concat();
        !all.is_empty() && all.iter().all(&holds)
    })
}

fn privileged_containers(rendered: &Rendered) -> Vec<String> {
    offending_containers(rendered, |container| {
        let context = &container["securityContext"];
        context["allowPrivilegeEscalation"] == false
            && context["readOnlyRootFilesystem"] == true
            && context["capabilities"] == serde_json::json!({ "drop": ["ALL"] })
            && context.get("privileged").is_none()
            && context.get("runAsUser").is_none()
    })
}

fn without_resources(rendered: &Rendered) -> Vec<String> {
    offending_containers(rendered, |container| {
        let resources = &container["resources"];
        let named = |side: &str| {
            ["cpu", "memory"]
                .iter()
                .all(|what| resources[side].get(what).is_some())
        };
        named("requests") && named("limits")
    })
}

fn without_probes(rendered: &Rendered) -> Vec<String> {
    // A load agent serves nobody; the harness hears that it lives.
    let mut serving = rendered.clone();
    serving
        .objects
        .retain(|object| object["metadata"]["name"] != "agent-pod");
    offending_containers(&serving, |container| {
        let ports = container["ports"].as_array().cloned().unwrap_or_default();
        let names_port = |probe: &Value| {
            let port = [&probe["httpGet"]["port"], &probe["tcpSocket"]["port"]];
            port.iter()
                .any(|port| port.is_string() && ports.iter().any(|known| known["name"] == **port))
        };
        ["readinessProbe", "livenessProbe"]
            .iter()
            .all(|probe| names_port(&container[probe]))
    })
}

fn tokens(rendered: &Rendered) -> Vec<String> {
    let speaks = |pod: &Value| pod["metadata"]["labels"]["app.kubernetes.io/component"] == "fleet";
    let mut found = offending_pods(rendered, |pod| {
        pod["spec"]["automountServiceAccountToken"] == speaks(pod)
    });
    let accounts = rendered
        .of("ServiceAccount")
        .filter(|account| account["automountServiceAccountToken"] != false);
    found.extend(accounts.map(title));
    found
}

fn images(rendered: &Rendered) -> Vec<String> {
    let worker_pod = |map: &&Value| map["metadata"]["name"] == "worker-pod";
    let pods_of = rendered
        .of("ConfigMap")
        .find(worker_pod)
        .map_or("", |map| map["data"]["image"].as_str().unwrap_or(""));
    let mut found = Vec::new();
    for (name, pod) in rendered
        .pods()
        .iter()
        // Whoever makes pods of these puts its own image in.
        .filter(|(name, _)| !name.ends_with("/worker-pod") && !name.ends_with("/agent-pod"))
    {
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            let image = container["image"].as_str().unwrap_or("");
            let wanted = if pod["metadata"]["labels"]["app.kubernetes.io/component"] == "etcd" {
                image.contains("tally-etcd:")
            } else {
                image == pods_of
            };
            let versioned = image.rsplit_once(':').is_some_and(|(_, tag)| tag != "latest");
            if !wanted || !versioned || container["imagePullPolicy"] != "IfNotPresent" {
                found.push(format!("{name}: {image}, but the fleet's pods are {pods_of}"));
            }
        }
    }
    found
}

fn lost_services(rendered: &Rendered) -> Vec<String> {
    let pods = rendered.pods();
    let reaches = |service: &Value, port: &Value| {
        let selected = pods.iter().filter(|(_, pod)| {
            pod["metadata"]["namespace"] == service["metadata"]["namespace"]
                && matches(&service["spec"]["selector"], &pod["metadata"]["labels"])
        });
        let mut containers =
            selected.flat_map(|(_, pod)| pod["spec"]["containers"].as_array().into_iter().flatten());
        containers.any(|container| {
            let ports = container["ports"].as_array().into_iter().flatten();
            ports.into_iter().any(|known| known["name"] == port["targetPort"])
        })
    };
    let services = rendered.of("Service").filter(|service| {
        let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
        ports.is_empty() || !ports.iter().all(|port| reaches(service, port))
    });
    services.map(title).collect()
}

/// Whether labels have everything a selector asks for; an absent selector asks for nothing.
pub(crate) fn matches(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().into_iter().flatten();
    wanted.into_iter().all(|(key, value)| &labels[key] == value)
}

fn loose_namespaces(rendered: &Rendered) -> Vec<String> {
    let mut found = Vec::new();
    for name in NAMESPACES {
        let space = rendered
            .of("Namespace")
            .find(|space| space["metadata"]["name"] == name);
        let level = "pod-security.kubernetes.io/enforce";
        if space.is_none_or(|space| space["metadata"]["labels"][level] != "restricted") {
            found.push(format!("{name} does not demand restricted pods"));
        }
        let quota = rendered
            .of("ResourceQuota")
            .find(|quota| quota["metadata"]["namespace"] == name);
        let pods = quota.and_then(|quota| quota["spec"]["hard"]["pods"].as_str()?.parse::<u32>().ok());
        let Some(pods) = pods else {
            found.push(format!("{name} has no quota of pods"));
            continue;
        };
        let hard =
            |what: &str| quota.and_then(|quota| quota["spec"]["hard"][what].as_str()?.parse::<u32>().ok());
        for what in ["requests.cpu", "requests.memory", "limits.memory"] {
            if quota.is_none_or(|quota| quota["spec"]["hard"][what].as_str().is_none()) {
                found.push(format!("{name} has no quota of {what}"));
            }
        }
        for what in ["pods", "count/jobs.batch"] {
            if name == "tally-load" && hard(what) != Some(AGENTS_MAX) {
                found.push(format!(
                    "{name}: {what} is {:?}, but there may be {AGENTS_MAX} agents, each a job of one pod",
                    hard(what)
                ));
            }
        }
        if name == "tally-workers" && pods < largest() {
            found.push(format!(
                "{name}: {pods} pods, but the platform may want {}",
                largest()
            ));
        }
    }
    found
}

/// Pods of the default platform with every operation at its upper bound.
fn largest() -> u32 {
    let platform = PlatformConfig::default();
    let per_set = 1 + u32::from(platform.replicas_per_set());
    platform.bounds.max * per_set * u32::try_from(Operation::ALL.len()).unwrap()
}

fn unreadable_configuration(rendered: &Rendered) -> Vec<String> {
    let maps = rendered
        .of("ConfigMap")
        .filter(|map| map["metadata"]["name"] == "tally-config")
        .collect::<Vec<_>>();
    let read = |map: &Value| {
        let platform = map["data"]["platform.json"].as_str().unwrap_or("");
        let cluster = map["data"]["cluster"].as_str().unwrap_or("");
        serde_json::from_str::<PlatformConfig>(platform).is_ok()
            && cluster.len() == 32
            && u128::from_str_radix(cluster, 16).is_ok()
    };
    let unreadable = maps.iter().filter(|map| !read(map));
    let mut found: Vec<String> = unreadable.map(|map| title(map)).collect();
    if maps.len() != 2 {
        found.push("tally-config is to be in tally-system and in tally-workers".to_owned());
    }
    found
}
