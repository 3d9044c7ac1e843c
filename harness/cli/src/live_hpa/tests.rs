//! Records made by hand: one that the model agrees with, and what differs or cannot be decided again.

use serde_json::{Value, json};
use tally_capture::HpaFact;
use tally_model::Operation;

use super::*;

const NAME: &str = "worker-mul-0123";

fn at(seconds: f64, fact: HpaFact) -> HpaLine {
    HpaLine {
        at: (seconds * 1e9) as i64,
        fact,
    }
}

fn answer(seconds: f64, operation: Operation, value: Option<f64>) -> HpaLine {
    let metric = "tally_layer_depth".to_owned();
    let fact = HpaFact::Answer {
        operation,
        metric,
        value,
    };
    at(seconds, fact)
}

fn status(seconds: f64, desired: u32, metrics: Value, conditions: &[(&str, &str)]) -> HpaLine {
    let condition = |(kind, text): &(&str, &str)| {
        let (status, reason) = text.split_once('/').unwrap();
        HpaCondition {
            kind: (*kind).to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
        }
    };
    let fact = HpaFact::Status {
        name: NAME.to_owned(),
        desired,
        current: 1,
        metrics,
        conditions: conditions.iter().map(condition).collect(),
        last_scale: None,
    };
    at(seconds, fact)
}

fn size(seconds: f64, wanted: u32, there: u32) -> HpaLine {
    let fact = HpaFact::Deployment {
        name: "worker-mul".to_owned(),
        wanted,
        there,
        ready: there,
    };
    at(seconds, fact)
}

fn object() -> HpaLine {
    let spec = json!({
        "scaleTargetRef": { "kind": "Deployment", "name": "worker-mul" }, "minReplicas": 1, "maxReplicas": 6,
        "metrics": [{ "type": "External", "external": {
            "metric": { "name": "tally_layer_depth", "selector": { "matchLabels": { "operation": "mul" } } },
            "target": { "type": "AverageValue", "averageValue": "4" } } }],
    });
    let fact = HpaFact::Object {
        name: NAME.to_owned(),
        operation: Operation::Mul,
        spec,
    };
    at(-40.0, fact)
}

/// Looks decided alike, differently, and nobody knows how.
fn counts(autoscaler: &LiveAutoscaler) -> [usize; 3] {
    let counted = autoscaler.agreement();
    [counted.alike, counted.differently, counted.unknown]
}

/// A look that found no adapter, one of an idle layer (the status of which is not told again), and one of a surge.
fn record() -> Vec<HpaLine> {
    let average =
        |text: &str| json!([{ "type": "External", "external": { "current": { "averageValue": text } } }]);
    let all = |able| {
        [
            ("AbleToScale", able),
            ("ScalingActive", "True/ValidMetricFound"),
            ("ScalingLimited", "False/DesiredWithinRange"),
        ]
    };
    let blind = [
        ("AbleToScale", "True/SucceededGetScale"),
        ("ScalingActive", "False/FailedGetExternalMetric"),
    ];
    let idle = all("True/ScaleDownStabilized");
    vec![
        at(-60.0, HpaFact::Server("v1.20.2".to_owned())),
        size(-50.0, 1, 1),
        object(),
        status(-40.0, 0, Value::Null, &[]),
        status(-35.0, 0, Value::Null, &blind),
        answer(-20.0, Operation::Add, Some(99.0)),
        answer(-20.0, Operation::Mul, Some(0.0)),
        status(-19.9, 1, average("0"), &idle),
        answer(-5.0, Operation::Mul, Some(0.0)),
        answer(10.0, Operation::Mul, Some(10.0)),
        size(10.1, 3, 1),
        status(10.2, 3, average("10"), &all("True/SucceededRescale")),
    ]
}

/// Looks are found whether or not they were answered, and told what was known then.
#[test]
fn looks_are_put_together() {
    let all = against_model(&record());
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].problem, "");
    let told = |look: &LiveLook| {
        (
            look.at / 1_000_000_000,
            look.read,
            look.asked,
            look.live,
            look.model,
        )
    };
    let looks: Vec<_> = all[0].looks.iter().map(told).collect();
    assert_eq!(
        looks,
        [
            (-35, None, 1, Some(0), None),
            (-20, Some(0.0), 1, Some(1), Some(1)),
            (-5, Some(0.0), 1, Some(1), Some(1)),
            (10, Some(10.0), 1, Some(3), Some(3)),
        ]
    );
    assert_eq!(counts(&all[0]), [4, 0, 0], "{:?}", all[0].looks);
}

/// The status of a look whose answer is no longer in the record says nothing of the look before it.
#[test]
fn a_status_without_its_answer_is_of_no_look() {
    let mut lines = record();
    let average = json!([{ "type": "External", "external": { "current": { "averageValue": "0" } } }]);
    lines.push(status(
        25.0,
        6,
        average,
        &[("AbleToScale", "True/ScaleDownStabilized")],
    ));
    let all = against_model(&lines);
    assert_eq!(counts(&all[0]), [4, 0, 0], "{:?}", all[0].looks);
}

/// A decision of the live one that the model does not make is listed where it was made.
#[test]
fn a_difference_is_listed() {
    let mut lines = record();
    for line in &mut lines {
        if let HpaFact::Status { desired, .. } = &mut line.fact
            && *desired == 3
        {
            *desired = 2;
        }
    }
    let all = against_model(&lines);
    assert_eq!(counts(&all[0]), [3, 1, 0]);
    let found = all[0].looks[3].mismatches.clone().unwrap();
    assert_eq!(found, ["desiredReplicas: live 2, model 3"]);
}

/// What cannot be decided again is said with its reason, not left out.
#[test]
fn what_cannot_be_decided_again_says_why() {
    let mut lines = record();
    lines[0].fact = HpaFact::Server("v1.24.1".to_owned());
    assert!(against_model(&lines)[0].problem.contains("v1.24.1"));
    let mut lines = record();
    let mut changed = object();
    if let HpaFact::Object { spec, .. } = &mut changed.fact {
        spec["maxReplicas"] = json!(7);
    }
    lines.push(changed);
    assert!(against_model(&lines)[0].problem.contains("changed"));
    assert_eq!(against_model(&[]), []);
}
