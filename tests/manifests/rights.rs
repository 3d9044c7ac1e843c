//! Who may ask Kubernetes for what: the rendered rules are exactly the table.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rendered::{Rendered, title};

/// Subject, where, resources, verbs. What is not in here, nobody may do.
const FLEET_MAKES_PODS: &str =
    "tally-system/fleet in tally-workers: pods,services create,get,list,watch,delete";
const FLEET_FINDS_OWNER: &str = "tally-system/fleet in tally-workers: configmaps[tally-config] get";
const FLEET_LOOKS_ON: &str = "tally-system/fleet in tally-workers: pods get,list,watch";
const AUTOSCALER_READS: &str =
    "kube-system/horizontal-pod-autoscaler everywhere: tally_layer_depth,tally_layer_rate get,list";

/// The rights an overlay is meant to give.
fn wanted(overlay: &str) -> BTreeSet<String> {
    let rights: &[&str] = match overlay.rsplit('/').next() {
        Some("scaling-hpa-queue") => &[FLEET_LOOKS_ON, AUTOSCALER_READS],
        Some("scaling-hpa-cpu") => &[FLEET_LOOKS_ON],
        _ => &[FLEET_MAKES_PODS, FLEET_FINDS_OWNER],
    };
    rights.iter().map(|right| (*right).to_owned()).collect()
}

/// What differs from the table, and what no table may hold.
pub(crate) fn violations(rendered: &Rendered) -> Vec<String> {
    let mut given = BTreeSet::new();
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        for binding in rendered.of(kind) {
            given.extend(rights(rendered, binding));
        }
    }
    let wanted = wanted(&rendered.name);
    let mut found: Vec<String> = given
        .symmetric_difference(&wanted)
        .map(|right| format!("not in both, the table and the manifests: {right}"))
        .collect();
    for kind in ["Role", "ClusterRole"] {
        let broad = rendered.of(kind).filter(|role| {
            let text = role["rules"].to_string();
            [
                "*",
                "secrets",
                "escalate",
                "impersonate",
                "bind",
                "nodes",
                "pods/exec",
            ]
            .iter()
            .any(|word| text.contains(&format!("\"{word}\"")))
        });
        found.extend(broad.map(title));
    }
    found
}

/// One line per rule and subject of a binding.
fn rights(rendered: &Rendered, binding: &Value) -> Vec<String> {
    let role = &binding["roleRef"];
    let place = &binding["metadata"]["namespace"];
    let role = rendered.objects.iter().find(|object| {
        object["kind"] == role["kind"]
            && object["metadata"]["name"] == role["name"]
            && (role["kind"] == "ClusterRole" || &object["metadata"]["namespace"] == place)
    });
    let Some(role) = role else {
        return vec![format!("{} binds a role that is not there", title(binding))];
    };
    let mut lines = Vec::new();
    for subject in items(&binding["subjects"]) {
        for rule in items(&role["rules"]) {
            let names = words(&rule["resourceNames"]);
            lines.push(format!(
                "{}/{} {}: {}{} {}",
                subject["namespace"].as_str().unwrap_or("?"),
                subject["name"].as_str().unwrap_or("?"),
                place
                    .as_str()
                    .map_or("everywhere".to_owned(), |place| format!("in {place}")),
                words(&rule["resources"]),
                if names.is_empty() {
                    names
                } else {
                    format!("[{names}]")
                },
                words(&rule["verbs"]),
            ));
        }
    }
    lines
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn words(value: &Value) -> String {
    items(value)
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(",")
}
