//! What a trial comes to, from a history that is known.

#![allow(
    clippy::unwrap_used,
    reason = "support code of tests ends the test where it fails"
)]

use std::fs;
use std::path::Path;

use tally_capture::{
    Analysis, CaptureError, Effect, Environment, Fate, FaultRecord, Operation, RunReader, RunStart,
    RunWriter, Sample, TrialReader, Window,
};
use tally_model::{Outcome, RequestId};

const MILLI: u64 = 1_000_000;

fn start(root: &Path, name: &str) -> Result<RunWriter, CaptureError> {
    let command: Vec<String> = ["tally", "run", "a b.toml"].map(String::from).to_vec();
    let start = RunStart {
        seed: 42,
        plan: "7c1e",
        target: "local",
        command: &command,
        experiment: b"version = 1\n",
    };
    RunWriter::create(
        root,
        name,
        start,
        &"resolved",
        &[1, 2, 3],
        Environment::observe("debug"),
    )
}

/// Request `n`, due at `n` milliseconds, answered after `latency` milliseconds.
fn answered(n: u64, latency: u64) -> Operation {
    let due = n * MILLI;
    Operation {
        sent: Some(due + 10_000),
        first_byte: Some(due + 500_000),
        done: Some(due + latency * MILLI),
        fate: Fate::Ok,
        status: 202,
        accepted: true,
        id: Some(RequestId(u128::from(n) + 1)),
        outcome: Some(Outcome::Value("16".into())),
        attempts: 1,
        ..Operation::planned(n, 0, "(3+5)*(4/2)", due)
    }
}

/// A kill that is felt from 1 s to 2 s.
fn kill() -> FaultRecord {
    let effect = |at: u64| {
        Some(Effect {
            at: at * MILLI,
            evidence: "seen".into(),
        })
    };
    FaultRecord {
        name: "kill".into(),
        kind: "kill".into(),
        role: "worker".into(),
        target: "add-0/worker".into(),
        planned: 900 * MILLI,
        duration: 1000 * MILLI,
        requested: Some(990 * MILLI),
        effective: effect(1000),
        symptom: None,
        detected: effect(1400),
        recovered: effect(1900),
        healed: effect(2000),
        problem: None,
    }
}

/// A trial of 4,000 requests, one a millisecond, with a few of everything that can happen.
fn known_trial(root: &Path) -> TrialReader {
    let run = start(root, "summary").unwrap();
    let mut trial = run.trial(1).unwrap();
    for n in 0..4000 {
        let mut op = answered(n, if (1000..2000).contains(&n) { 100 } else { 10 });
        match n {
            3000..3010 => {
                op = Operation {
                    fate: Fate::Fail,
                    status: 429,
                    accepted: false,
                    outcome: None,
                    done: None,
                    ..op
                }
            }
            3010..3015 => op = Operation::planned(n, 0, "1", n * MILLI),
            3015..3018 => {
                op = Operation {
                    fate: Fate::Info,
                    outcome: None,
                    done: None,
                    ..op
                }
            }
            3018 => op.outcome = Some("error:dead_lettered".to_owned().try_into().unwrap()),
            3019 => op.outcome = Some("error:div_by_zero".to_owned().try_into().unwrap()),
            3020 => op.sent = Some(op.intended + 6 * MILLI),
            _ => {}
        }
        trial.operation(op).unwrap();
    }
    trial.fault(&kill()).unwrap();
    trial.finish().unwrap();
    RunReader::open(root, "latest")
        .unwrap()
        .trials()
        .unwrap()
        .remove(0)
}

/// Counts, percentiles, windows and metrics of a history whose figures are known by construction.
#[test]
fn a_summary_says_what_happened() {
    let root = tempfile::tempdir().unwrap();
    let trial = known_trial(root.path());
    let analysis = Analysis::read(&trial, 2).unwrap();
    let summary = analysis.summary(Window {
        from: 500 * MILLI,
        to: u64::MAX,
    });
    let near = |found: Option<f64>, wanted: f64| {
        let found = found.unwrap();
        assert!(
            (found - wanted).abs() <= wanted * 0.001,
            "{found} is not {wanted}"
        );
    };
    for (function, metric, label, window, wanted) in [
        ("count", "offered", "", "", 3500.0),
        ("", "refused", "", "always", 10.0),
        ("rate", "dropped", "", "", 5.0 / 3500.0),
        ("", "timeout", "", "", 3.0),
        ("", "failed", "", "", 1.0),
        ("", "late", "", "", 1.0),
        ("p50", "latency", "", "before", 10e6),
        ("p99", "latency", "", "during:kill", 100e6),
        ("max", "latency", "", "after:kill", 10e6),
        ("p50", "service", "", "during", 99.99e6),
        ("p50", "lag", "", "steady", 10_000.0),
        ("", "success_rate", "", "during", 1.0),
        ("", "goodput", "", "during", 1000.0),
        ("", "time_to_detect", "kill", "", 400e6),
        ("", "time_to_recover", "", "", 900e6),
        ("", "answer_gap", "kill", "", 91e6),
    ] {
        near(summary.metric(function, metric, label, window), wanted);
    }
    assert_eq!(summary.metric("p99", "latencyy", "", ""), None);
    assert_eq!(summary.metric("p99", "latency", "", "during:other"), None);
    assert_eq!(summary.seconds[1].offered, 1000);
    assert!((99 * MILLI..101 * MILLI).contains(&summary.seconds[1].p50));

    let again = Analysis::read(&trial, 1).unwrap().summary(Window {
        from: 500 * MILLI,
        to: u64::MAX,
    });
    assert_eq!(
        serde_json::to_string(&summary).unwrap(),
        serde_json::to_string(&again).unwrap()
    );
    analysis.write_interval_logs(trial.directory()).unwrap();
    let log = fs::read_to_string(trial.directory().join("latency.hdr")).unwrap();
    assert!(log.contains("Tag=during:kill,1.000,1.000,"), "{log}");
}

/// A function of a time of faults is taken over the faults asked for; where one of them has no such time, nobody knows.
#[test]
fn a_function_of_faults_is_over_the_faults() {
    let root = tempfile::tempdir().unwrap();
    let run = start(root.path(), "faults").unwrap();
    let mut trial = run.trial(1).unwrap();
    for (name, detected) in [("a", 1400), ("b", 1100), ("c", 1600)] {
        let fault = FaultRecord {
            name: name.into(),
            detected: Some(Effect {
                at: detected * MILLI,
                evidence: "seen".into(),
            }),
            recovered: (name != "c").then(|| kill().recovered).flatten(),
            ..kill()
        };
        trial.fault(&fault).unwrap();
    }
    let reader = TrialReader::at(trial.directory());
    trial.finish().unwrap();
    let summary = Analysis::read(&reader, 1).unwrap().summary(Window::ALWAYS);
    let milliseconds = |function: &str, name: &str, label: &str| {
        let nanos = summary.metric(function, name, label, "")?;
        Some(nanos / MILLI as f64)
    };
    for (function, wanted) in [
        ("", 600.0),
        ("max", 600.0),
        ("min", 100.0),
        ("median", 400.0),
        ("p50", 400.0),
        ("p99", 600.0),
        ("avg", 1100.0 / 3.0),
    ] {
        assert_eq!(
            milliseconds(function, "time_to_detect", ""),
            Some(wanted),
            "{function}"
        );
    }
    assert_eq!(milliseconds("median", "time_to_detect", "b"), Some(100.0));
    assert_eq!(milliseconds("min", "time_to_recover", ""), None, "c has none");
    assert_eq!(milliseconds("min", "time_to_recover", "b"), Some(900.0));
}

/// Memory is what was seen in the window, by any function; where nobody could look there is none, not 0 bytes.
#[test]
fn memory_is_of_the_looks_in_the_window() {
    let root = tempfile::tempdir().unwrap();
    let run = start(root.path(), "memory").unwrap();
    let mut trial = run.trial(1).unwrap();
    for (at, rss) in [
        (1, [10, 40, 1000]),
        (2, [30, 20, 1000]),
        (3, [20, 20, 1000]),
        (4, [90, 20, 1000]),
        (5, [0, 0, 1000]),
    ] {
        let sample = Sample {
            at: at * MILLI,
            rss,
            ..Sample::default()
        };
        trial.sample(&sample).unwrap();
    }
    let reader = TrialReader::at(trial.directory());
    trial.finish().unwrap();
    let analysis = Analysis::read(&reader, 1).unwrap();
    let memory = |function: &str, from: u64, to: u64| {
        let window = Window {
            from: from * MILLI,
            to: to * MILLI,
        };
        analysis.memory(function, &[window])
    };
    assert_eq!(memory("max", 0, 9), Some(90.0));
    assert_eq!(memory("max", 1, 4), Some(40.0));
    assert_eq!(memory("min", 1, 4), Some(20.0));
    assert_eq!(memory("median", 1, 4), Some(30.0));
    assert_eq!(memory("avg", 1, 4), Some(30.0));
    assert_eq!(memory("max", 5, 9), None, "nobody could look");
}
