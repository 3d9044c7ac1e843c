//! How far virtual time is from a machine: the same settings, played both ways.

use serde::{Deserialize, Serialize};

use super::input::{Contestant, Entry};
use super::statistics;

/// What is compared: a percentile of a duration, and how close the two aim to be.
const HELD: [(&str, &str, Option<f64>); 7] = [
    ("p50", "latency", Some(0.10)),
    ("p90", "latency", None),
    ("p99", "latency", Some(0.20)),
    ("p50", "critical_path", None),
    ("p99", "critical_path", None),
    ("p50", "queue_wait", None),
    ("p99", "queue_wait", None),
];

/// One simulated arm beside the one that it stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The label of the arm in virtual time.
    pub simulated: String,
    /// The label of the arm with the same settings that really ran.
    pub measured: String,
    /// What is compared, of what both have.
    pub errors: Vec<CalibrationError>,
}

/// One duration both ways: medians over the trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationError {
    /// `p99 latency`.
    pub name: String,
    /// Nanoseconds.
    pub measured: f64,
    /// Nanoseconds.
    pub simulated: f64,
    /// Simulated over measured, minus one.
    pub error: f64,
    /// The most it aims to be off, either way; none where nothing is aimed at.
    pub aim: Option<f64>,
}

impl CalibrationError {
    /// Whether it is as close as it aims to be; none where nothing is aimed at.
    pub fn is_within(&self) -> Option<bool> {
        self.aim.map(|aim| self.error.abs() <= aim)
    }
}

/// Every simulated arm against every arm with the same settings that ran elsewhere.
pub(super) fn calibrations(contestants: &[Contestant], entries: &[Vec<Entry<'_>>]) -> Vec<Calibration> {
    let arms: Vec<(&Contestant, &Vec<Entry<'_>>)> = contestants.iter().zip(entries).collect();
    let same = |a: &Contestant, b: &Contestant| {
        let settings = |arm: &Contestant| arm.runs.first().map(|run| run.settings["platform"].clone());
        settings(a) == settings(b)
    };
    let mut found = Vec::new();
    for (simulated, ours) in arms.iter().filter(|(arm, _)| arm.is_simulated()) {
        let stands_for =
            |arm: &&(&Contestant, &Vec<Entry<'_>>)| !arm.0.is_simulated() && same(arm.0, simulated);
        for (measured, theirs) in arms.iter().filter(stands_for) {
            found.push(Calibration {
                simulated: simulated.label.clone(),
                measured: measured.label.clone(),
                errors: errors(ours, theirs),
            });
        }
    }
    found
}

fn errors(simulated: &[Entry<'_>], measured: &[Entry<'_>]) -> Vec<CalibrationError> {
    let compared = HELD.iter().filter_map(|(percentile, what, aim)| {
        let median = |trials: &[Entry<'_>]| {
            let values = trials
                .iter()
                .filter_map(|entry| entry.trial.summary.metric(percentile, what, "", ""));
            statistics::median(&values.collect::<Vec<f64>>())
        };
        let (simulated, measured) = (median(simulated)?, median(measured)?);
        (measured > 0.0).then(|| CalibrationError {
            name: format!("{percentile} {}", what.replace('_', " ")),
            measured,
            simulated,
            error: simulated / measured - 1.0,
            aim: *aim,
        })
    });
    compared.collect()
}
