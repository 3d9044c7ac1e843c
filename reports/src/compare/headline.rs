//! The numbers of the headline table: what they are, which way is better, and their value in a trial.

use serde::{Deserialize, Serialize};
use tally_capture::{FaultTimes, Sample, ScaleUp, Stage, Window};

use crate::run_report::TrialReport;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Sets times seconds.
    SetSeconds,
    /// A share from 0 to 1.
    Share,
    /// Things.
    Count,
}

/// A number of the headline table.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Stable name in JSON.
    pub(crate) key: &'static str,
    /// For people, short.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) lower_is_better: bool,
    pub(crate) of: fn(&TrialReport) -> Option<f64>,
}

impl Metric {
    /// True if arms are compared by their ratio, otherwise by their difference.
    pub(crate) const fn is_relative(&self) -> bool {
        matches!(self.unit, Unit::Nanoseconds | Unit::SetSeconds)
    }
}

/// All of them. The first is the one that the verdict begins with.
pub(crate) const METRICS: [Metric; 8] = [
    Metric {
        key: "latency_p99",
        name: "p99 latency",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: |trial| trial.summary.metric("p99", "latency", "", ""),
    },
    Metric {
        key: "latency_p50",
        name: "p50 latency",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: |trial| trial.summary.metric("p50", "latency", "", ""),
    },
    Metric {
        key: "success_rate",
        name: "answered",
        unit: Unit::Share,
        lower_is_better: false,
        of: |trial| trial.summary.metric("", "success_rate", "", ""),
    },
    Metric {
        key: "set_seconds",
        name: "worker-set seconds",
        unit: Unit::SetSeconds,
        lower_is_better: true,
        of: set_seconds,
    },
    Metric {
        key: "reaction",
        name: "onset to first answer",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: onset_to_first_answer,
    },
    Metric {
        key: "backlog",
        name: "time with a backlog",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: time_with_backlog,
    },
    Metric {
        key: "deepest_queue",
        name: "most tasks waiting",
        unit: Unit::Count,
        lower_is_better: true,
        of: deepest,
    },
    Metric {
        key: "turns",
        name: "changes of direction",
        unit: Unit::Count,
        lower_is_better: true,
        of: turns,
    },
];

/// Those of trials with faults.
pub(crate) const FAULT_METRICS: [Metric; 3] = [
    Metric {
        key: "time_to_detect",
        name: "fault to its notice",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: |trial| slowest(trial, |fault| fault.time_to_detect),
    },
    Metric {
        key: "time_to_recover",
        name: "fault to its repair",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: |trial| slowest(trial, |fault| fault.time_to_recover),
    },
    Metric {
        key: "answer_gap",
        name: "longest without an answer",
        unit: Unit::Nanoseconds,
        lower_is_better: true,
        of: |trial| slowest(trial, |fault| fault.answer_gap),
    },
];

/// The time of the trial's worst fault; none if one of its faults has none.
fn slowest(trial: &TrialReport, time: impl Fn(&FaultTimes) -> Option<u64>) -> Option<f64> {
    let times: Option<Vec<u64>> = trial.summary.faults.iter().map(time).collect();
    times?.into_iter().max().map(|nanos| nanos as f64)
}

fn measured(trial: &TrialReport) -> Option<Window> {
    trial.summary.window("")?.spans.first().copied()
}

/// Samples hold until the next one: sets that take tasks or start, over the measure phase.
fn set_seconds(trial: &TrialReport) -> Option<f64> {
    let window = measured(trial)?;
    if trial.samples.len() < 2 {
        return None;
    }
    let ends = trial.samples.iter().skip(1).map(|sample| sample.at);
    let held = trial.samples.iter().zip(ends.chain([window.to]));
    let area = held.map(|(sample, end)| {
        let span = Window {
            from: sample.at,
            to: end.max(sample.at),
        };
        sets(sample) * span.intersect(window).length() as f64 / 1e9
    });
    Some(area.sum())
}

/// Sets of all layers that take tasks or start.
pub(crate) fn sets(sample: &Sample) -> f64 {
    let all = sample
        .ready
        .iter()
        .chain(&sample.starting)
        .map(|count| f64::from(*count));
    all.sum()
}

fn deepest(trial: &TrialReport) -> Option<f64> {
    let depth = |sample: &Sample| sample.visible.iter().sum::<u64>();
    trial.samples.iter().map(depth).max().map(|depth| depth as f64)
}

/// The scale-ups that began in the measure phase.
pub(crate) fn scale_ups(trial: &TrialReport) -> impl Iterator<Item = &ScaleUp> {
    let window = measured(trial).unwrap_or(Window::ALWAYS);
    let all = trial.summary.scale_ups.iter();
    all.filter(move |scale_up| window.contains(scale_up.begin()))
}

/// The median over the scale-ups of the trial; none if no scale-up came so far.
fn onset_to_first_answer(trial: &TrialReport) -> Option<f64> {
    let times: Vec<f64> = scale_ups(trial)
        .filter_map(|scale_up| scale_up.since_onset(Stage::FirstAnswer))
        .map(|nanos| nanos as f64)
        .collect();
    super::statistics::median(&times)
}

/// From over the threshold until drained, or until the measure phase ended, summed over all layers and overloads; none if there was none.
/// A median over overloads would be the better the more short ones there are beside a long one.
fn time_with_backlog(trial: &TrialReport) -> Option<f64> {
    let end = measured(trial)?.to;
    let times = scale_ups(trial).filter_map(|scale_up| {
        let over = scale_up.at(Stage::OverThreshold)?;
        let drained = scale_up.at(Stage::BacklogDrained).unwrap_or(end);
        Some(drained.saturating_sub(over) as f64)
    });
    times.reduce(|sum, time| sum + time)
}

/// How often a layer that was growing began to shrink or the other way round, over all layers; decisions of the whole trial.
fn turns(trial: &TrialReport) -> Option<f64> {
    let decided = |event: &&tally_model::Observation| event.step == tally_model::Step::Decision;
    let mut count = 0;
    for layer in tally_model::Operation::ALL {
        let wanted: Vec<f64> = trial
            .events
            .iter()
            .filter(decided)
            .filter(|event| event.operation == Some(layer))
            .filter_map(|event| event.value)
            .collect();
        let steps: Vec<bool> = wanted
            .windows(2)
            .filter(|two| two[0] != two[1])
            .map(|two| two[1] > two[0])
            .collect();
        count += steps.windows(2).filter(|two| two[0] != two[1]).count();
    }
    (!trial.events.is_empty()).then_some(count as f64)
}
