//! Claims about the workloads.

use crate::estimate::FEWEST;
use crate::metric::Metric;
use crate::workload::*;

/// Every workload is a valid experiment at every scale, with the target that the others do not have.
#[test]
fn every_workload_is_an_experiment() {
    for workload in WORKLOADS {
        for scale in [Scale::Full, Scale::Quick, Scale::Smoke] {
            let source = workload.experiment(scale).unwrap();
            let experiment = tally_plan::parse_with(&source, &[])
                .unwrap_or_else(|problems| panic!("{}: {problems:?}\n{source}", workload.name));
            assert_eq!(experiment.trials, 1, "{}", workload.name);
            assert_eq!(
                experiment.expectations.len(),
                1,
                "{}: answers are always judged",
                workload.name
            );
        }
    }
}

/// Names select workloads and become folders, so each is its own.
#[test]
fn names_are_unique() {
    let names: std::collections::BTreeSet<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
    assert_eq!(names.len(), WORKLOADS.len());
}

/// A full run has trials enough for a comparison, throughput has a target, and a bound is for latency only.
#[test]
fn every_workload_can_be_judged() {
    for workload in WORKLOADS {
        assert!(workload.trials >= FEWEST, "{}", workload.name);
        let is_throughput = workload.main == Metric::Throughput;
        assert_eq!(workload.target.is_some(), is_throughput, "{}", workload.name);
        assert!(
            workload.bound.is_none() || workload.main == Metric::P50,
            "{}",
            workload.name
        );
    }
}

/// Hot primitives are the measure of one user alone, so nobody else may be there.
#[test]
fn who_is_alone_is_one_user() {
    let alone: Vec<_> = WORKLOADS.iter().filter(|workload| workload.is_alone()).collect();
    assert!(!alone.is_empty());
    for workload in alone {
        let source = workload.experiment(Scale::Full).unwrap();
        let file: toml::Table = source.parse().unwrap();
        let loads = file["load"].as_array().unwrap();
        assert_eq!(loads.len(), 1, "{}", workload.name);
        assert_eq!(loads[0]["users"].as_integer(), Some(1), "{}", workload.name);
    }
}
