//! Rows of the tables of Kubernetes' tests.

use serde_json::{Value, json};
use tally_autoscale::hpa::cases::{Evaluated, evaluate};

const ROWS: &str = include_str!("../hpa_cases.json");

fn rows() -> Vec<Value> {
    serde_json::from_str(ROWS).unwrap()
}

fn one(row: Value) -> Evaluated {
    let mut rows = evaluate(&json!([row]).to_string()).unwrap();
    rows.remove(0)
}

/// What Kubernetes makes of a row is what the model makes of it.
#[test]
fn every_row_of_the_tables_is_equal() {
    let rows = evaluate(ROWS).unwrap();
    assert!(rows.len() >= 25, "only {} rows", rows.len());
    let differing: Vec<_> = rows.iter().filter(|row| !row.differences.is_empty()).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    assert!(
        rows.iter().all(|row| row.ignored.is_empty()),
        "a field has no meaning"
    );
}

/// Rows of every kind, of three versions, with values of our own and results of a second evaluator, which was written from the
/// description of the controller in another language and shares nothing with the model.
#[test]
fn every_row_of_a_second_evaluator_is_equal() {
    let rows = evaluate(include_str!("../hpa_derived.json")).unwrap();
    assert!(rows.len() >= 150, "only {} rows", rows.len());
    let differing: Vec<_> = rows.iter().filter(|row| !row.differences.is_empty()).collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

/// A table that cannot fail proves nothing: whatever expectation of whatever row is changed, that field differs.
#[test]
fn every_changed_expectation_is_found() {
    let mut changed = 0;
    for row in rows() {
        for field in ["exp", "util", "usage", "log_len", "error", "cond"] {
            let other = match &row[field] {
                Value::Number(number) => json!(number.as_i64().unwrap() + 1),
                Value::String(text) if text.contains("=True") => json!(text.replace("=True", "=False")),
                Value::String(text) => json!(format!("{text}X")),
                _ => continue,
            };
            let mut planted = row.clone();
            planted[field] = other;
            let differences = one(planted).differences;
            assert_eq!(differences.len(), 1, "{} {field}: {differences:?}", row["id"]);
            assert_eq!(differences[0].field, field, "{}", row["id"]);
            changed += 1;
        }
    }
    assert!(changed >= 40, "only {changed} expectations");
}

/// Rows whose rules changed after 1.20, computed by hand from the table of differences.
#[test]
fn old_kubernetes_decides_as_it_did() {
    // 1.20: usage 400 of 4,000 with the missing pod at all of its request of 4,000, not at three times that.
    let old: [(&str, i64); 3] = [("hpa-16", 1), ("hpa-39", 3), ("hpa-43", 8)];
    for row in rows() {
        let Some((_, exp)) = old.iter().find(|(id, _)| row["id"] == *id) else {
            continue;
        };
        let mut row = row.clone();
        row["compat"] = json!("1.20");
        row["exp"] = json!(exp);
        row["cond"] = Value::Null;
        assert_eq!(one(row.clone()).differences, [], "{}", row["id"]);
    }
}

/// Rows of every kind there is, also of kinds that the tables do not have, with values computed by hand.
#[test]
fn rows_computed_by_hand_are_equal() {
    let pods = json!([{"v": 600, "req": 1000, "st": "ok"}, {"v": 600, "req": 1000, "st": "ok"}]);
    let by_hand = [
        json!({"kind": "resource_avg", "cur": 2, "exp": 4, "target": 300, "pods": pods, "usage": 600}),
        json!({"kind": "container", "cur": 2, "exp": 3, "target": 40, "pods": pods, "util": 60}),
        json!({"kind": "container_avg", "cur": 2, "exp": 1, "target": 1200, "pods": pods}),
        json!({"kind": "object_value", "cur": 0, "exp": 3, "target": 4000, "total": 9000}),
        json!({"kind": "external_value", "cur": 2, "exp": 6, "target": 4000, "total": [8000, 4000]}),
        json!({"kind": "external_avg", "cur": 2, "exp": 3, "target": 4000, "total": [8000, 4000], "usage": 6000}),
        json!({"kind": "external_avg", "cur": 2, "exp": null, "target": 4000, "total": null, "error": "no metrics"}),
        json!({"kind": "external_avg", "cur": 5, "status": 1, "exp": 1, "target": 4000, "total": 4000}),
        json!({"kind": "rate_legacy", "cur": 3, "exp": 6, "pre": 9, "min": 1, "max": 99, "cond": "ScaleUpLimit"}),
        json!({"kind": "stabilize", "cur": 10, "exp": 8, "pre": 2, "recs": [{"n": 8, "age": 299}, {"n": 9, "age": 300}],
               "up_window": 0, "down_window": 300, "cond": "ScaleDownStabilized", "log_len": 3}),
        json!({"kind": "reconcile", "cur": 9, "exp": 5, "min": 1, "max": 5, "metric": null,
               "cond": ["AbleToScale=True/SucceededRescale", "ScaledToZero=False/NotScaledToZero"]}),
        json!({"kind": "reconcile", "cur": 2, "exp": 4, "min": 1, "max": 9, "invalid_metrics": 2,
               "metrics": [{"kind": "external_avg", "target": 4000, "total": 80000},
                           {"kind": "object_value", "target": 1000, "total": 1000, "ready": 2}],
               "cond": ["ScalingActive=True/ValidMetricFound", "ScalingLimited=True/ScaleUpLimit"]}),
    ];
    for row in by_hand {
        assert_eq!(one(row.clone()).differences, [], "{row}");
    }
}

/// A field without meaning is named, wherever it is, and changes nothing.
#[test]
fn fields_without_meaning_are_named() {
    let row = json!({
        "kind": "reconcile", "cur": 1, "exp": 1, "min": 1, "max": 2, "colour": 1, "note": "for people",
        "metric": {"kind": "pods", "target": 1, "pods": [{"v": 1, "st": "ok", "size": 2}]},
    });
    assert_eq!(one(row).ignored, ["metric.pods[0].size", "colour"]);
}
