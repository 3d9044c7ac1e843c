//! An experiment as a value: everything a file says, read and checked.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_model::{PlatformConfig, Scaler};
use tally_workloads::{Pattern, Shape};

use crate::{Condition, Fault, MetricRef, Verdict};

/// An experiment: a platform, loads, faults, and what is expected of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// `[a-z0-9][a-z0-9-]{0,39}`, not `latest` or `comparisons`; it becomes a folder.
    pub name: String,
    /// For people; the name if none was given.
    pub title: String,
    /// Of everything that is drawn.
    pub seed: u64,
    /// How long each phase lasts.
    pub phases: Phases,
    /// How often the whole is done; at least 1.
    pub trials: u32,
    /// What is tested.
    pub platform: PlatformConfig,
    /// What `tally sim` compares; none for an experiment that is played with its own policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Scaler>,
    /// At least one.
    pub loads: Vec<Load>,
    /// In the order of the file.
    pub faults: Vec<Fault>,
    /// In the order of the file.
    pub expectations: Vec<Expectation>,
    /// Kept for comparisons.
    pub compare: Option<Compare>,
    /// What an experiment may not do.
    pub safety: Safety,
}

/// The three phases of a trial, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Load without faults, not measured.
    pub warmup: Duration,
    /// Load with faults, measured.
    pub measure: Duration,
    /// No new requests; what was accepted is answered.
    pub drain: Duration,
}

impl Phases {
    /// All three.
    pub fn total(&self) -> Duration {
        self.warmup
            .saturating_add(self.measure)
            .saturating_add(self.drain)
    }
}

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Unique in the file; it also names its streams of chance.
    pub name: String,
    /// When they come.
    pub pattern: Pattern,
    /// What they ask.
    pub shape: Shape,
}

/// Which part of a trial an expectation is about.
///
/// Requests belong to the part in which they were due. The correctness counters (see [`crate::Metric::is_safety`]) are
/// always taken over the whole trial: an answer that is wrong is wrong at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The measure phase.
    #[default]
    Measure,
    /// The measure phase up to the first fault; the warm-up if that is empty. If it is false when that fault is due, nothing is
    /// injected and the trial ends.
    Before,
    /// While a fault lasts: any, or the one named.
    During(Option<String>),
    /// From the end of a fault to the next one, or to the end of the measure phase.
    After(Option<String>),
    /// The measure phase without the time of faults.
    Steady,
    /// The whole trial, warm-up and drain included.
    Always,
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Measure => f.write_str("measure"),
            Self::Before => f.write_str("before"),
            Self::During(None) => f.write_str("during"),
            Self::During(Some(fault)) => write!(f, "during:{fault}"),
            Self::After(None) => f.write_str("after"),
            Self::After(Some(fault)) => write!(f, "after:{fault}"),
            Self::Steady => f.write_str("steady"),
            Self::Always => f.write_str("always"),
        }
    }
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Given, or the condition itself.
    pub name: String,
    /// The condition as written.
    pub that: String,
    /// The condition as understood.
    pub condition: Condition,
    /// Of which part of the trial.
    pub when: When,
    /// Whether the trial is stopped, as failed, when it does not hold while the load lasts.
    pub abort: bool,
    /// How long in one stretch it may fail to hold before `abort` acts.
    pub grace: Duration,
}

impl Expectation {
    /// Whether it holds. `lookup` gives a metric over this expectation's window in seconds, bytes, shares (0 to 1) or
    /// counts, and `None` where there is no data; nothing that lacks data is ever said to hold.
    pub fn evaluate(&self, lookup: &dyn Fn(&MetricRef) -> Option<f64>) -> Verdict {
        self.condition.evaluate(lookup)
    }

    /// The metrics it needs.
    pub fn metrics(&self) -> Vec<&MetricRef> {
        self.condition.metrics()
    }
}

/// What a comparison does with the experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    /// Names of the arms.
    pub arms: Vec<String>,
    /// In which order trials of the arms follow each other.
    pub order: CompareOrder,
}

/// See [`Compare::order`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompareOrder {
    /// One trial of each arm in turn, with the same seed.
    #[default]
    Interleaved,
    /// All trials of one arm, then all of the next.
    Blocked,
}

/// What an experiment may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safety {
    /// The longest fault.
    pub max_fault: Duration,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            max_fault: Duration::from_mins(1),
        }
    }
}
