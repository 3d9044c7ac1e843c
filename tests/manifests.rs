//! What `deploy/` says, as kustomize renders it: nothing is root, nothing is unbounded, nobody may do more than they must.
//!
//! Needs kubectl (1.27 or newer) or kustomize (5 or newer), and no cluster. Where neither is there, it says so and checks nothing.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "manifests/identity.rs"]
mod identity;
#[path = "manifests/network.rs"]
mod network;
#[path = "manifests/rendered.rs"]
mod rendered;
#[path = "manifests/rights.rs"]
mod rights;
#[path = "manifests/rules.rs"]
mod rules;

use rendered::{Rendered, overlays};
use rules::RULES;
use serde_json::{Value, json};

fn hold(what: &str, violations: fn(&Rendered) -> Vec<String>, overlays: &[Rendered]) {
    let mut broken = Vec::new();
    for overlay in overlays {
        let places = violations(overlay).into_iter();
        broken.extend(places.map(|place| format!("{}: {place}", overlay.name)));
    }
    assert!(broken.is_empty(), "{what}, but:\n  {}", broken.join("\n  "));
}

/// Every rule holds of every object of every overlay.
#[test]
fn every_manifest_keeps_the_rules() {
    let Some(overlays) = overlays() else { return };
    for rule in RULES {
        hold(rule.name, rule.violations, &overlays);
    }
}

/// The fleet makes pods where nothing else lives, Kubernetes' own autoscaler reads metrics, and that is all.
#[test]
fn nobody_may_do_more_than_the_table_says() {
    let Some(overlays) = overlays() else { return };
    hold(
        "rights are as tests/manifests/rights.rs has them",
        rights::violations,
        &overlays,
    );
}

/// On Amazon whoever uses the queues has the role that may, those that a component of an overlay brings included.
#[test]
fn whoever_uses_the_queues_of_amazon_has_the_role() {
    let Some(overlays) = overlays() else { return };
    hold(
        "roles of Amazon are where the queues are used, and nowhere else",
        identity::violations,
        &overlays,
    );
}

/// Every edge of the component graph is open, and everything beside it is closed.
#[test]
fn the_network_is_the_component_graph() {
    let Some(overlays) = overlays() else { return };
    hold(
        "edges and walls are as tests/manifests/network.rs has them",
        network::violations,
        &overlays,
    );
}

/// A rule that cannot fail proves nothing: each finds what is planted for it.
#[test]
fn every_rule_finds_what_is_planted() {
    let Some(mut overlays) = overlays() else { return };
    let overlay = &mut overlays[0];
    for rule in RULES {
        let clean = overlay.objects.clone();
        let planted = overlay.objects.iter_mut().any(rule.plant);
        assert!(planted, "`{}` has nothing to plant in", rule.name);
        assert!(
            !(rule.violations)(overlay).is_empty(),
            "`{}` finds nothing",
            rule.name
        );
        overlay.objects = clean;
    }
    for (what, violations, kind) in [
        (
            "rights",
            rights::violations as fn(&Rendered) -> Vec<String>,
            "RoleBinding",
        ),
        ("the network", network::violations, "NetworkPolicy"),
    ] {
        let clean = overlay.objects.clone();
        overlay.objects.retain(|object| object["kind"] != kind);
        assert!(!violations(overlay).is_empty(), "{what}: finds nothing");
        overlay.objects = clean;
    }
    let amazon = overlays
        .iter_mut()
        .find(|overlay| overlay.name.starts_with("eks/"))
        .unwrap();
    for change in [
        |account: &mut Value| account["metadata"]["annotations"] = json!({}),
        |account: &mut Value| account["metadata"]["annotations"] = json!({ identity::ROLE: "arn" }),
    ] {
        let clean = amazon.objects.clone();
        let accounts = amazon
            .objects
            .iter_mut()
            .filter(|object| object["kind"] == "ServiceAccount");
        accounts.for_each(change);
        assert!(
            !identity::violations(amazon).is_empty(),
            "roles of Amazon: finds nothing"
        );
        amazon.objects = clean;
    }
}
