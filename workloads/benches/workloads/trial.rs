//! One trial: an experiment played by the harness on a platform of its own, and what it took.

use std::collections::BTreeMap;
use std::path::Path;

use tally::{Exit, Played};
use tally_reports::TrialReport;

use crate::metric::Metric;
use crate::processes::{Meter, Seconds};

/// What one trial gave.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) values: BTreeMap<Metric, f64>,
    /// Requests answered, warm-up included.
    pub(crate) answered: u64,
    /// Whether the generator kept its schedule; if not, latencies do not count.
    pub(crate) on_time: bool,
    /// Whether the generator had real-time priority.
    pub(crate) realtime: bool,
    /// Largest resident sizes in bytes.
    pub(crate) memory: Vec<(String, u64)>,
}

/// Why there is no trial.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    pub(crate) text: String,
}

/// Plays an experiment and removes its record, unless something was wrong with it.
pub(crate) fn play(source: &str, runs: &Path) -> Result<Trial, Problem> {
    let meter = Meter::start();
    let played = tally::run_experiment(source, runs);
    let seconds = meter.finish();
    let played = played.map_err(|problems| Problem {
        exit: Exit::Bug,
        text: problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect::<Vec<_>>()
            .join("; "),
    })?;
    let trial = judge(&played, &seconds)?;
    if let Some(directory) = &played.directory
        && let Err(error) = std::fs::remove_dir_all(directory)
    {
        return Err(Problem {
            exit: Exit::Cleanup,
            text: format!("{}: {error}", directory.display()),
        });
    }
    Ok(trial)
}

/// Answers first: a fast platform that loses one has no speed.
fn judge(played: &Played, seconds: &Seconds) -> Result<Trial, Problem> {
    let place = played
        .directory
        .as_ref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let problem = |exit: Exit, text: &str| Problem {
        exit,
        text: format!("{text} (record: {place})"),
    };
    let report = played
        .report
        .as_ref()
        .ok_or_else(|| problem(played.exit, "nothing was measured"))?;
    let trial = report
        .trials
        .first()
        .ok_or_else(|| problem(played.exit, "the trial did not come about"))?;
    // A generator that was late makes a run inconclusive; that alone is judged below.
    if !matches!(played.exit, Exit::Pass | Exit::Inconclusive) {
        return Err(problem(played.exit, &report.sentence));
    }
    let correct = trial
        .correctness
        .as_ref()
        .ok_or_else(|| problem(Exit::Bug, "the answers were not checked"))?;
    if correct.accepted == 0 || correct.answered != correct.accepted || !correct.gaps.is_empty() {
        return Err(problem(
            Exit::Inconclusive,
            &format!(
                "{} of {} accepted requests were answered {:?}",
                correct.answered, correct.accepted, correct.gaps
            ),
        ));
    }
    Ok(Trial {
        values: values(trial, seconds, correct.answered as f64),
        answered: correct.answered,
        on_time: trial.generator.valid,
        realtime: trial.generator.realtime,
        memory: trial
            .memory
            .iter()
            .map(|memory| (memory.label.clone(), memory.bytes))
            .collect(),
    })
}

fn values(trial: &TrialReport, seconds: &Seconds, answered: f64) -> BTreeMap<Metric, f64> {
    let mut values = BTreeMap::new();
    if let Some(window) = trial.summary.window("always") {
        let length = window.length as f64 / 1e9;
        values.insert(Metric::Throughput, window.counts.answered as f64 / length);
        values.insert(Metric::P50, window.latency.p50 as f64 / 1e6);
        values.insert(Metric::P99, window.latency.p99 as f64 / 1e6);
    }
    let of = |role: &str| seconds.get(role).copied().unwrap_or(0.0) * 1e6 / answered;
    let parts = [
        (Metric::CpuControlPlane, of("control-plane")),
        (Metric::CpuWorkers, of("worker")),
        (Metric::CpuReplicas, of("replica")),
    ];
    values.insert(
        Metric::Cpu,
        parts.iter().map(|(_, time)| time).sum::<f64>() + of("supervisor"),
    );
    values.extend(parts);
    values.insert(Metric::CpuHarness, of("harness"));
    values.insert(Metric::Lag, trial.generator.lag_p999 as f64 / 1e6);
    values
}
