//! What may be compared: refusals that name the field, differences that are shown, trials that belong together.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "support/arms.rs"]
mod arms;
#[path = "support/synthetic.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod synthetic;

use arms::three;
use serde_json::json;
use tally_reports::{Comparison, Pairing, fair, scaler_name};

/// Arms that differ in workload, bounds, limits, service time or waits are refused, and every such field is named.
#[test]
fn unfair_arms_are_refused_by_field() {
    for (path, value) in [
        ("bounds", json!({ "min": 1, "max": 16 })),
        ("limits", json!({ "pending": 5 })),
        ("replicas", json!(7)),
        ("work", json!([null, null, null, null])),
        ("timing", json!({ "task_timeout": { "secs": 9, "nanos": 0 } })),
    ] {
        let mut arms = three(1);
        arms[1].runs[0].settings["platform"][path] = value;
        let unfair = Comparison::of(&arms, true).unwrap_err();
        assert!(
            unfair
                .problems
                .iter()
                .all(|problem| problem.starts_with(&format!("`platform.{path}"))),
            "{unfair}"
        );
        assert!(unfair.to_string().contains("on kalman"), "{unfair}");
    }
    let mut arms = three(1);
    arms[2].runs[0].plan = "another".into();
    arms[2].runs[0].settings["platform"]["bounds"]["max"] = json!(9);
    let unfair = Comparison::of(&arms, true).unwrap_err();
    assert_eq!(unfair.problems.len(), 2, "all at once: {unfair}");
    assert!(
        unfair.to_string().contains("workload fingerprint")
            && unfair.to_string().contains("platform.bounds.max")
    );
}

/// What belongs to a policy may differ and is shown; what says nothing about the platform is not.
#[test]
fn what_may_differ_is_shown() {
    let mut settings = [arms::settings("hpa"), arms::settings("kalman")];
    settings[1]["platform"]["timing"]["scale_tick"] = json!({ "secs": 15, "nanos": 0 });
    settings[1]["seed"] = json!(77);
    let differing = fair(&[("hpa", vec![&settings[0]]), ("kalman", vec![&settings[1]])]).unwrap();
    let shown: Vec<String> = differing
        .iter()
        .map(|row| format!("{} {}", row.name, row.values.join(" | ")))
        .collect();
    assert_eq!(
        shown,
        [
            "platform.scaler hpa | kalman",
            "platform.timing.scale_tick 100 ms | 15 s"
        ]
    );
    assert_eq!(scaler_name(&json!({ "fixed": 4 })), "fixed-4");
    settings[0]["platform"]["scaler"] = json!({ "fixed": 4 });
    let differing = fair(&[("fixed-4", vec![&settings[0]]), ("kalman", vec![&settings[1]])]).unwrap();
    assert_eq!(differing[0].values, ["fixed-4", "kalman"]);
}

/// Trials are paired by their plan, whatever their order; a trial that others lack is left out and named.
#[test]
fn trials_are_paired_by_plan() {
    let mut arms = three(6);
    arms[1].runs.reverse();
    let straight = Comparison::of(&three(6), false).unwrap();
    let turned = Comparison::of(&arms, false).unwrap();
    assert_eq!(turned.numbers, straight.numbers);
    assert_eq!(turned.pairing, Pairing::Paired);
    arms[0].runs.pop();
    let short = Comparison::of(&arms, false).unwrap();
    assert_eq!(short.arms[1].trials.len(), 5);
    assert!(
        short.notes.iter().any(|note| note.contains("left out")),
        "{:?}",
        short.notes
    );
    // Runs of one plan that were not played in turns do not belong together.
    for arm in &mut arms {
        for run in &mut arm.runs {
            (run.seed, run.plan) = (1, "one".into());
        }
    }
    assert_eq!(Comparison::of(&arms, false).unwrap().pairing, Pairing::Unpaired);
}
