//! Claims about baselines.

use std::fs;

use serde_json::Value;

use crate::baseline::*;
use crate::metric::Metric;

fn trials() -> Trials {
    let values = [
        (Metric::Throughput, vec![2_000.0, 2_100.5]),
        (Metric::P50, vec![3.25, 3.5]),
    ];
    Trials(values.into_iter().collect())
}

/// What was kept is read back value by value; another name or workload has nothing.
#[test]
fn a_baseline_is_read_back_as_it_was_kept() {
    let target = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(target.path());
    shelf
        .save("steady", "main", &trials(), Metric::Throughput)
        .unwrap();
    assert_eq!(shelf.load("steady", "main").unwrap(), Some(trials()));
    assert_eq!(shelf.load("steady", "other").unwrap(), None);
    assert_eq!(shelf.load("burst", "main").unwrap(), None);
    assert!(trials().of(Metric::P99).is_empty());
}

/// A damaged baseline is an error that names the file, not an empty baseline.
#[test]
fn a_damaged_baseline_is_told() {
    let target = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(target.path());
    let folder = target.path().join("tally-bench/steady");
    fs::create_dir_all(&folder).unwrap();
    for text in [
        "",
        "{}",
        "{\"schema_version\": 2}",
        "{\"schema_version\": 1, \"metrics\": {\"p50-ms\": [\"x\"]}}",
    ] {
        fs::write(folder.join("main.json"), text).unwrap();
        let error = shelf.load("steady", "main").unwrap_err();
        assert!(error.to_string().contains("main.json"), "{text}: {error}");
    }
}

/// Criterion's files state times in nanoseconds: 2,000 requests per second are 500,000 ns each.
#[test]
fn criterion_reads_the_time_of_one_request() {
    let target = tempfile::tempdir().unwrap();
    let steady = Trials([(Metric::Throughput, vec![2_000.0; 3])].into_iter().collect());
    Shelf::new(target.path())
        .save("steady", "main", &steady, Metric::Throughput)
        .unwrap();
    let text = fs::read_to_string(target.path().join("criterion/steady/main/estimates.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["median"]["point_estimate"].as_f64(), Some(500_000.0));
    assert_eq!(nanoseconds(Metric::P50, &[1.5]), [1_500_000.0]);
    assert_eq!(nanoseconds(Metric::Cpu, &[2.0]), [2_000.0]);
}
