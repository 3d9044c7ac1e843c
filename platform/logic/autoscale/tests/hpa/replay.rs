//! A recorded autoscaler, decided again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tally_autoscale::hpa::replay::{Live, Look, replay};
use tally_autoscale::hpa::{
    Compat, ConditionType, ExternalObject, Metric, Scale, Select, Selector, Spec, TotalTarget, milli,
};
use tally_model::Instant;

/// A look of an autoscaler that wants 4 tasks per pod, and what the live one said.
fn look(seconds: u64, tasks: i64, scale: [i32; 2], desired: i32, able: &str, limited: &str) -> Look {
    let conditions = [
        (ConditionType::AbleToScale, able),
        (ConditionType::ScalingActive, "True/ValidMetricFound"),
        (ConditionType::ScalingLimited, limited),
    ];
    Look {
        at: Instant::from_nanos(0) + Duration::from_secs(seconds),
        scale: Scale {
            spec: scale[0],
            status: scale[1],
            ready: scale[1],
            selector: Selector::Valid,
        },
        metrics: vec![Metric::External {
            target: TotalTarget::AverageValue(4_000),
            reading: Ok(vec![tasks * 1_000]),
        }],
        live: Some(Live {
            desired,
            averages: vec![Some(
                (tasks * 1_000 + i64::from(scale[1]) - 1) / i64::from(scale[1]),
            )],
            conditions: BTreeMap::from(conditions.map(|(kind, text)| (kind, text.to_owned()))),
        }),
    }
}

/// A surge on one pod, as 1.20 decides it: up at once to the most, and not down before five minutes have passed. The size at the
/// first look counts as recommended then.
fn surge() -> Vec<Look> {
    let within = "False/DesiredWithinRange";
    vec![
        look(0, 0, [1, 1], 1, "True/ScaleDownStabilized", within),
        look(15, 9, [1, 1], 3, "True/SucceededRescale", within),
        look(30, 60, [3, 2], 6, "True/SucceededRescale", "True/TooManyReplicas"),
        look(
            45,
            0,
            [6, 6],
            6,
            "True/ScaleDownStabilized",
            "True/TooManyReplicas",
        ),
    ]
}

fn spec() -> Spec {
    let mut spec = Spec::new(1, 6);
    spec.compat = Compat::V1_20;
    spec
}

/// What is decided alike has no mismatch, look by look.
#[test]
fn a_recording_that_the_model_agrees_with() {
    let decided = replay(&spec(), &surge());
    let wanted: Vec<_> = decided.iter().map(|one| one.desired).collect();
    assert_eq!(wanted, [Some(1), Some(3), Some(6), Some(6)]);
    for one in decided {
        assert_eq!(one.mismatches, Some(Vec::new()));
    }
}

/// Whatever the live one says differently is told with both values, and only for the look in which it said so.
#[test]
fn a_recording_that_differs_is_told() {
    let mut looks = surge();
    let live = looks[1].live.as_mut().unwrap();
    live.desired = 4;
    live.averages = vec![Some(9_001)];
    live.conditions.remove(&ConditionType::ScalingLimited);
    let decided = replay(&spec(), &looks);
    let told: Vec<Vec<String>> = decided
        .into_iter()
        .map(|one| {
            let found = one.mismatches.unwrap().into_iter();
            found
                .map(|one| format!("{} {} {}", one.field, one.live, one.model))
                .collect()
        })
        .collect();
    let second = [
        "desiredReplicas 4 3",
        "currentMetrics[0] 9001m 9000m",
        "ScalingLimited not set False/DesiredWithinRange",
    ];
    assert_eq!(told, [vec![], second.map(str::to_owned).to_vec(), vec![], vec![]]);
}

/// A metric that could not be read decides nothing, so the number in the status is an old one and is not compared; the reason is.
#[test]
fn a_look_without_a_metric_compares_the_reason() {
    let mut looks = surge();
    looks[1].metrics = vec![Metric::External {
        target: TotalTarget::AverageValue(4_000),
        reading: Err("no answer".into()),
    }];
    let live = looks[1].live.as_mut().unwrap();
    live.desired = 77;
    live.conditions = BTreeMap::from([
        (ConditionType::AbleToScale, "True/SucceededGetScale".to_owned()),
        (
            ConditionType::ScalingActive,
            "False/FailedGetExternalMetric".to_owned(),
        ),
        (
            ConditionType::ScalingLimited,
            "False/DesiredWithinRange".to_owned(),
        ),
    ]);
    let decided = replay(&spec(), &looks);
    assert_eq!(decided.len(), looks.len());
    let blind = &decided[1];
    assert_eq!(blind.desired, None);
    assert_eq!(blind.mismatches, Some(Vec::new()));
    looks[1].live = None;
    assert_eq!(replay(&spec(), &looks)[1].mismatches, None);
}

/// The spec of an object with a behavior, the rest of which are defaults.
#[test]
fn a_spec_is_read_as_the_server_writes_it() {
    let written = json!({
        "scaleTargetRef": { "kind": "Deployment", "name": "worker-mul" }, "minReplicas": 2, "maxReplicas": 9,
        "metrics": [{ "type": "External", "external": {
            "metric": { "name": "tally_layer_depth", "selector": { "matchLabels": { "operation": "mul" } } },
            "target": { "type": "AverageValue", "averageValue": "1500m" } } }],
        "behavior": { "scaleDown": { "stabilizationWindowSeconds": 60, "selectPolicy": "Min",
            "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 30 }] } },
    });
    let read = ExternalObject::read(&written, Compat::V1_20).unwrap();
    assert_eq!((read.spec.min, read.spec.max), (2, 9));
    assert_eq!(read.wanted, TotalTarget::AverageValue(1_500));
    assert_eq!(
        (read.target.as_str(), read.metric.as_str()),
        ("worker-mul", "tally_layer_depth")
    );
    let behavior = read.spec.behavior.unwrap();
    assert_eq!(behavior.down.window, Duration::from_mins(1));
    assert_eq!(behavior.down.select, Select::Min);
    assert_eq!(behavior.down.policies.len(), 1);
    assert_eq!(behavior.up.policies.len(), 2);
    let mut plain = written;
    plain["behavior"] = json!(null);
    assert_eq!(
        ExternalObject::read(&plain, Compat::V1_20).unwrap().spec.behavior,
        None
    );
    plain["metrics"] = json!([{ "type": "Resource", "resource": {} }]);
    assert!(
        ExternalObject::read(&plain, Compat::V1_20)
            .unwrap_err()
            .contains("External")
    );
}

/// Tolerances of a behavior take the place of the flag's, in either direction, where Kubernetes knows them; what is not known is
/// refused and not left out.
#[test]
fn a_tolerance_of_a_behavior_is_read() {
    let object = |rules: serde_json::Value| {
        json!({
            "scaleTargetRef": { "kind": "Deployment", "name": "worker-mul" }, "maxReplicas": 9,
            "metrics": [{ "type": "External", "external": {
                "metric": { "name": "tally_layer_depth" }, "target": { "type": "AverageValue", "averageValue": "4" } } }],
            "behavior": { "scaleUp": rules, "scaleDown": { "tolerance": "50m" } },
        })
    };
    let within = |tolerance: &str, compat| {
        let read = ExternalObject::read(&object(json!({ "tolerance": tolerance })), compat).unwrap();
        let tolerance = read.spec.calculation().tolerance;
        (tolerance.down, tolerance.up)
    };
    assert_eq!(within("0", Compat::V1_28), (0.05, 0.0));
    assert_eq!(within("250m", Compat::V1_37), (0.05, 0.25));
    assert_eq!(within("500u", Compat::V1_28), (0.05, 0.0005));
    for (rules, why) in [
        (json!({ "tolerance": "a tenth" }), "a tenth"),
        (json!({ "tolerance": "-1" }), "tolerance"),
        (json!({ "patience": 3 }), "patience"),
    ] {
        let problem = ExternalObject::read(&object(rules), Compat::V1_28).unwrap_err();
        assert!(problem.contains(why), "{problem}");
    }
}

/// Quantities are whole numbers, alone, in thousandths or in thousands.
#[test]
fn quantities() {
    assert_eq!(milli("4"), Ok(4_000));
    assert_eq!(milli("250m"), Ok(250));
    assert_eq!(milli("2k"), Ok(2_000_000));
    for bad in ["", "m", "1.5", "4Gi", "9223372036854775807"] {
        assert!(milli(bad).is_err(), "{bad}");
    }
}
