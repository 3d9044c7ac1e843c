//! Made-up arms of a comparison: the made-up run, slower or faster.

use serde_json::{Value, json};
use tally_capture::Environment;
use tally_reports::{ComparedRun, Contestant};

use crate::synthetic;

/// The machine that made it.
fn machine() -> Environment {
    Environment {
        schema_version: 1,
        tally: "0.1.0".into(),
        commit: None,
        modified: None,
        rustc: None,
        profile: "release".into(),
        kernel: Some("Linux 6.12".into()),
        cpu: None,
        cores: 2,
        memory: None,
        governor: None,
        load_before: Some([0.5; 3]),
        load_after: None,
    }
}

/// What an experiment with this policy resolves to, as far as comparisons look at it.
pub(crate) fn settings(scaler: &str) -> Value {
    let time = |nanos: u64| json!({ "secs": 0, "nanos": nanos });
    json!({
        "name": "burst", "seed": 42, "phases": { "warmup": time(3), "measure": time(4), "drain": time(5) },
        "platform": {
            "scaler": scaler, "protocol": "collect", "replicas": 4, "bounds": { "min": 1, "max": 8 },
            "limits": { "pending": 20_000 }, "work": vec![json!({ "kind": "delay", "mean": time(20_000_000) }); 4],
            "timing": { "scale_tick": time(100_000_000), "task_timeout": time(5) },
        },
    })
}

/// One trial of an arm whose latencies are `factor` times those of the made-up run, give or take a few percent by `seed`.
pub(crate) fn run(scaler: &str, seed: u64, factor: f64) -> ComparedRun {
    let mut report = synthetic::run(60);
    report.verdict = "PASS".into();
    report.exit_code = 0;
    let wobble = 1.0 + ((seed * 7_919 + scaler.len() as u64 * 31) % 13) as f64 / 200.0;
    let scale = |nanos: &mut u64| *nanos = (*nanos as f64 * factor * wobble) as u64;
    for trial in &mut report.trials {
        for window in &mut trial.summary.windows {
            for nanos in [
                &mut window.latency.p50,
                &mut window.latency.p99,
                &mut window.latency.max,
            ] {
                scale(nanos);
            }
        }
        for second in &mut trial.summary.seconds {
            for nanos in [&mut second.p50, &mut second.p99, &mut second.max] {
                scale(nanos);
            }
        }
        for scale_up in &mut trial.summary.scale_ups {
            let onset = scale_up.stages[0].unwrap_or(0);
            for at in scale_up.stages.iter_mut().skip(2).flatten() {
                *at = onset + ((*at - onset) as f64 * factor) as u64;
            }
        }
    }
    ComparedRun {
        id: format!("{scaler}/burst/run-{seed}"),
        seed,
        plan: format!("{seed:064x}"),
        target: "local".into(),
        settings: settings(scaler),
        environment: machine(),
        report,
    }
}

/// An arm of `trials` trials with seeds of their own.
pub(crate) fn arm(scaler: &str, factor: f64, trials: u64) -> Contestant {
    Contestant {
        label: scaler.to_owned(),
        runs: (42..42 + trials).map(|seed| run(scaler, seed, factor)).collect(),
    }
}

/// The three of the issue.
pub(crate) fn three(trials: u64) -> Vec<Contestant> {
    [("hpa", 1.0), ("kalman", 0.4), ("threshold", 0.98)]
        .map(|(name, factor)| arm(name, factor, trials))
        .to_vec()
}
