//! Who may reach whom: the network policies, read as Kubernetes reads them, against the component graph.

use serde_json::{Value, json};

use super::rendered::Rendered;
use super::rules::matches;

/// One end of a connection.
struct End {
    name: &'static str,
    namespace: &'static str,
    component: &'static str,
}

const fn end(name: &'static str, namespace: &'static str, component: &'static str) -> End {
    End {
        name,
        namespace,
        component,
    }
}

const GATEWAY: End = end("gateway", "tally-system", "gateway");
const SCHEDULER: End = end("scheduler", "tally-system", "scheduler");
const FLEET: End = end("fleet", "tally-system", "fleet");
const ADMIN: End = end("admin", "tally-system", "admin");
const METRICS: End = end("metrics", "tally-system", "metrics");
const ETCD: End = end("etcd", "tally-store", "etcd");
const QUEUE: End = end("queue", "tally-store", "queue");
const WORKER: End = end("worker", "tally-workers", "worker");
const AGENT: End = end("agent", "tally-load", "agent");
const REPLICA: End = end("replica", "tally-workers", "replica");
/// Neither a pod of ours nor one whose labels we know: a client, the API server.
const OUTSIDE: End = end("outside", "", "");

/// What must be possible.
const EDGES: &[(&End, &End, u16)] = &[
    (&OUTSIDE, &GATEWAY, 8080),
    (&AGENT, &GATEWAY, 8080),
    (&GATEWAY, &ETCD, 2379),
    (&SCHEDULER, &ETCD, 2379),
    (&SCHEDULER, &WORKER, 7000),
    (&SCHEDULER, &ADMIN, 7000),
    (&ADMIN, &WORKER, 7000),
    (&ADMIN, &REPLICA, 7000),
    (&WORKER, &REPLICA, 7000),
    (&REPLICA, &REPLICA, 7000),
    (&FLEET, &OUTSIDE, 6443),
    (&FLEET, &OUTSIDE, 443),
];

/// What must be possible where a live autoscaler asks for the depth of a layer: the API server asks the adapter, and that the stores.
const ASKING: &[(&End, &End, u16)] = &[(&OUTSIDE, &METRICS, 6443), (&METRICS, &ETCD, 2379)];

/// What must not.
const WALLS: &[(&End, &End, u16)] = &[
    (&WORKER, &ETCD, 2379),
    (&WORKER, &QUEUE, 9324),
    (&REPLICA, &ETCD, 2379),
    (&WORKER, &SCHEDULER, 7000),
    (&WORKER, &GATEWAY, 7000),
    (&WORKER, &OUTSIDE, 443),
    (&REPLICA, &OUTSIDE, 6443),
    (&ETCD, &OUTSIDE, 443),
    (&QUEUE, &ETCD, 2379),
    (&OUTSIDE, &ETCD, 2379),
    (&OUTSIDE, &QUEUE, 9324),
    (&OUTSIDE, &SCHEDULER, 7000),
    (&OUTSIDE, &FLEET, 7000),
    (&OUTSIDE, &WORKER, 7000),
    (&GATEWAY, &OUTSIDE, 6443),
    (&AGENT, &GATEWAY, 7000),
    (&AGENT, &SCHEDULER, 7000),
    (&AGENT, &ETCD, 2379),
    (&AGENT, &QUEUE, 9324),
    (&AGENT, &WORKER, 7000),
    (&AGENT, &OUTSIDE, 443),
    (&AGENT, &OUTSIDE, 6443),
    (&OUTSIDE, &AGENT, 8080),
    (&SCHEDULER, &AGENT, 7000),
    (&SCHEDULER, &WORKER, 22),
];

/// Edges that are cut and walls with a hole, and namespaces without a wall.
pub(crate) fn violations(rendered: &Rendered) -> Vec<String> {
    let mut found = Vec::new();
    for space in ["tally-system", "tally-store", "tally-workers", "tally-load"] {
        let denies = rendered.of("NetworkPolicy").any(|policy| {
            policy["metadata"]["namespace"] == space
                && policy["spec"] == json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] })
        });
        if !denies {
            found.push(format!("{space} does not deny by default"));
        }
    }
    let mut expect = |edges: &[(&End, &End, u16)], wanted: bool| {
        for (from, to, port) in edges {
            if open(rendered, from, to, *port) != wanted {
                let word = if wanted { "cut" } else { "open" };
                found.push(format!("{} -> {}:{port} is {word}", from.name, to.name));
            }
        }
    };
    expect(EDGES, true);
    expect(WALLS, false);
    let has = |kind: &str, name: &str| rendered.of(kind).any(|object| object["metadata"]["name"] == name);
    if has("Deployment", "metrics") {
        expect(ASKING, true);
    } else {
        expect(&[(&OUTSIDE, &METRICS, 6443)], false);
    }
    // Our own queue server is there on kind only.
    let (queue, port) = if has("StatefulSet", "queue") {
        (&QUEUE, 9324)
    } else {
        (&OUTSIDE, 443)
    };
    expect(
        &[
            (&GATEWAY, queue, port),
            (&SCHEDULER, queue, port),
            (&METRICS, queue, port),
        ],
        true,
    );
    found
}

/// A connection needs leave to go out and leave to come in.
fn open(rendered: &Rendered, from: &End, to: &End, port: u16) -> bool {
    let one_way = |me: &End, other: &End, direction: &str, key: &str, side: &str| {
        if me.namespace.is_empty() {
            return true;
        }
        let selecting = rendered.of("NetworkPolicy").filter(|policy| {
            let spec = &policy["spec"];
            let kinds = spec["policyTypes"].as_array().cloned().unwrap_or_default();
            policy["metadata"]["namespace"] == me.namespace
                && kinds.contains(&direction.into())
                && matches(&spec["podSelector"]["matchLabels"], &labels(me))
        });
        let mut rules = selecting.flat_map(|policy| items(&policy["spec"][key]));
        rules.any(|rule| {
            let mut ports = items(&rule["ports"]);
            let named = rule.get("ports").is_none() || ports.any(|known| known["port"] == port);
            let peers =
                rule.get(side).is_none() || items(&rule[side]).any(|peer| is_peer(rendered, peer, me, other));
            named && peers
        })
    };
    one_way(from, to, "Egress", "egress", "to") && one_way(to, from, "Ingress", "ingress", "from")
}

fn is_peer(rendered: &Rendered, peer: &Value, me: &End, other: &End) -> bool {
    if other.namespace.is_empty() {
        return false;
    }
    let in_space = match peer.get("namespaceSelector") {
        None => me.namespace == other.namespace,
        Some(selector) => rendered
            .of("Namespace")
            .filter(|space| space["metadata"]["name"] == other.namespace)
            .any(|space| matches(&selector["matchLabels"], &space["metadata"]["labels"])),
    };
    in_space && matches(&peer["podSelector"]["matchLabels"], &labels(other))
}

fn labels(end: &End) -> Value {
    json!({ "app.kubernetes.io/part-of": "tally", "app.kubernetes.io/component": end.component })
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
