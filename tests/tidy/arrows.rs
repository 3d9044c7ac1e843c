//! Which crate may know which: the arrows of ARCHITECTURE.md as data.

use std::collections::BTreeMap;

use super::File;

/// Every crate and the crates of ours it may depend on, in reading order. Each may depend on `tally-model`.
/// Only what is shipped counts: tests and benchmarks may look further.
const ARROWS: &[(&str, &[&str])] = &[
    // Logic: what is true. It sees nothing but logic.
    ("tally-model", &[]),
    ("tally-expression", &[]),
    ("tally-consensus", &["tally-expression"]),
    ("tally-autoscale", &[]),
    ("tally-substrate", &[]),
    (
        "tally-roles",
        &["tally-expression", "tally-consensus", "tally-autoscale"],
    ),
    // Io: how it is carried. One adapter never knows another.
    ("tally-ports", &[]),
    (
        "tally-wire",
        &["tally-expression", "tally-consensus", "tally-roles"],
    ),
    ("tally-runtime", &["tally-ports", "tally-roles"]),
    ("tally-embedded", &["tally-ports", "tally-substrate"]),
    ("tally-grpc", &["tally-ports", "tally-wire"]),
    // The accept loop is no adapter: every HTTP server stands on it.
    ("tally-listen", &[]),
    ("tally-http", &["tally-roles", "tally-expression", "tally-listen"]),
    ("tally-sqs", &["tally-ports"]),
    ("tally-etcd", &["tally-ports"]),
    // A server over the embedded queues, not an adapter to somebody else's.
    (
        "tally-sqs-server",
        &["tally-ports", "tally-embedded", "tally-listen"],
    ),
    ("tally-kubernetes", &["tally-ports"]),
    // Worlds: where it runs. What they share is in `tally-process`.
    (
        "tally-process",
        &[
            "tally-consensus",
            "tally-roles",
            "tally-ports",
            "tally-wire",
            "tally-runtime",
            "tally-grpc",
            "tally-http",
        ],
    ),
    (
        "tally-local",
        &[
            "tally-roles",
            "tally-ports",
            "tally-wire",
            "tally-runtime",
            "tally-embedded",
            "tally-grpc",
            "tally-http",
            "tally-process",
        ],
    ),
    (
        "tally-cluster",
        &[
            "tally-roles",
            "tally-ports",
            "tally-runtime",
            "tally-grpc",
            "tally-http",
            "tally-listen",
            "tally-process",
            "tally-kubernetes",
            "tally-sqs",
            "tally-etcd",
        ],
    ),
    (
        "tally-simulated",
        &["tally-consensus", "tally-substrate", "tally-roles"],
    ),
    // The harness: it may know the platform from outside, the platform never knows it.
    ("tally-plan", &["tally-expression", "tally-workloads"]),
    ("tally-load", &[]),
    ("tally-chaos", &["tally-capture", "tally-local", "tally-cluster"]),
    ("tally-capture", &[]),
    // The checker shares wire types and certificates with the platform, not its evaluator.
    ("tally-check", &["tally-consensus", "tally-capture"]),
    (
        "tally",
        &[
            "tally-expression",
            "tally-consensus",
            "tally-autoscale",
            "tally-roles",
            "tally-runtime",
            "tally-sqs-server",
            "tally-local",
            "tally-cluster",
            "tally-simulated",
            "tally-plan",
            "tally-load",
            "tally-chaos",
            "tally-capture",
            "tally-check",
            "tally-workloads",
            "tally-reports",
        ],
    ),
    ("tally-workloads", &[]),
    ("tally-reports", &["tally-capture"]),
    // Real services and clusters for tests, behind a feature.
    ("tally-containers", &[]),
];

/// A foreign crate that carries IO or an SDK, and the only crates of ours that may name it.
const FENCES: &[(&str, &[&str])] = &[
    ("axum", &["tally-http"]),
    ("hyper", &["tally-listen", "tally-sqs-server"]),
    ("hyper-util", &["tally-listen"]),
    ("tower", &["tally-listen", "tally-sqs-server"]),
    ("aws-config", &["tally-sqs"]),
    ("aws-sdk-sqs", &["tally-sqs"]),
    ("aws-smithy-http-client", &["tally-sqs"]),
    ("rcgen", &["tally-listen"]),
    ("tokio-rustls", &["tally-listen"]),
    ("redb", &["tally-embedded"]),
    ("etcd-client", &["tally-etcd"]),
    ("prost", &["tally-wire"]),
    (
        "tonic",
        &[
            "tally-wire",
            "tally-grpc",
            "tally-process",
            "tally-local",
            "tally-cluster",
        ],
    ),
    (
        "tonic-health",
        &["tally-grpc", "tally-process", "tally-local", "tally-cluster"],
    ),
    ("kube", &["tally-kubernetes"]),
    ("k8s-openapi", &["tally-kubernetes"]),
    ("tonic-prost", &["tally-wire"]),
    ("ed25519-dalek", &["tally-consensus"]),
    ("rsa", &["tally-consensus"]),
    // SQS names messages by their MD5; nothing is believed for it.
    ("md-5", &["tally-consensus", "tally-sqs-server"]),
    ("plotters", &["tally-reports"]),
    ("minijinja", &["tally-reports"]),
    ("clap", &["tally"]),
    ("clap_complete", &["tally"]),
    ("indicatif", &["tally"]),
    ("miette", &["tally"]),
    ("httparse", &["tally-load"]),
    ("zstd", &["tally-capture"]),
    ("testcontainers", &["tally-containers"]),
];

/// What no crate of pure logic may depend on: each brings a clock, a socket, a thread or a runtime.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "tokio-stream",
    "futures",
    "tracing",
    "rustix",
    "socket2",
    "thread-priority",
    "tempfile",
];

/// Crates without IO: all logic, and the parts of the harness that only compute.
const PURE: &[&str] = &[
    "tally-model",
    "tally-expression",
    "tally-consensus",
    "tally-autoscale",
    "tally-substrate",
    "tally-roles",
    "tally-simulated",
    "tally-plan",
    "tally-workloads",
];

/// The manifests of the members, by path.
pub(crate) fn manifests(files: &[File]) -> BTreeMap<String, toml::Table> {
    let members = files
        .iter()
        .filter(|file| file.is_manifest() && !file.path.starts_with("fuzz/"));
    let parsed = members.filter(|file| file.path != "Cargo.toml").map(|file| {
        let table = toml::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        (file.path.clone(), table)
    });
    parsed.collect()
}

/// What points where it must not.
pub(crate) fn violations(manifests: &BTreeMap<String, toml::Table>) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for (path, manifest) in manifests {
        let name = package(manifest);
        seen.push(name);
        let Some((_, allowed)) = ARROWS.iter().find(|(row, _)| *row == name) else {
            found.push(format!("{path}: {name} has no row among the arrows"));
            continue;
        };
        for dependency in shipped(manifest) {
            let ours = ARROWS.iter().any(|(row, _)| *row == dependency);
            if ours && dependency != "tally-model" && !allowed.contains(&dependency) {
                found.push(format!("{path}: {name} -> {dependency} is not among the arrows"));
            }
            if IMPURE.contains(&dependency) && PURE.contains(&name) {
                found.push(format!("{path}: {name} is pure and must not know {dependency}"));
            }
            let fence = FENCES.iter().find(|(foreign, _)| *foreign == dependency);
            if let Some((_, inside)) = fence.filter(|(_, inside)| !inside.contains(&name)) {
                found.push(format!(
                    "{path}: {dependency} is fenced in {} and must not be named by {name}",
                    inside.join(", ")
                ));
            }
        }
    }
    let stale = ARROWS.iter().filter(|(row, _)| !seen.contains(row));
    found.extend(stale.map(|(row, _)| format!("{row} has a row among the arrows and no manifest")));
    found
}

/// What a member writes for itself instead of inheriting it.
pub(crate) fn not_inherited(manifests: &BTreeMap<String, toml::Table>) -> Vec<String> {
    let inherits = |value: Option<&toml::Value>| {
        value
            .and_then(|value| value.get("workspace"))
            .and_then(toml::Value::as_bool)
            == Some(true)
    };
    let mut found = Vec::new();
    for (path, manifest) in manifests {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(kind).and_then(toml::Value::as_table);
            for (name, _) in table
                .into_iter()
                .flatten()
                .filter(|(_, value)| !inherits(Some(value)))
            {
                found.push(format!("{path}: {kind}.{name} has a version of its own"));
            }
        }
        if !inherits(manifest.get("lints")) {
            found.push(format!("{path}: [lints] workspace = true is missing"));
        }
        let package = manifest.get("package");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(package.and_then(|package| package.get(key))) {
                found.push(format!("{path}: package.{key} is not the workspace's"));
            }
        }
    }
    found
}

fn package(manifest: &toml::Table) -> &str {
    let name = manifest.get("package").and_then(|package| package.get("name"));
    name.and_then(toml::Value::as_str).unwrap_or("?")
}

/// Names of normal and build dependencies, also those of a platform.
fn shipped(manifest: &toml::Table) -> Vec<&str> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let tables = platforms
        .into_iter()
        .flatten()
        .filter_map(|(_, platform)| platform.as_table());
    let tables = std::iter::once(manifest).chain(tables);
    let kinds = tables.flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind)));
    let named = kinds
        .flatten()
        .filter_map(toml::Value::as_table)
        .flat_map(toml::Table::keys);
    named.map(String::as_str).collect()
}
