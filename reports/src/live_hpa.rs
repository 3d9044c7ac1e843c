//! A live autoscaler beside the model of it, look by look, as plain data.

use serde::{Deserialize, Serialize};
use tally_model::Operation;

use crate::unit;

/// One live HorizontalPodAutoscaler, and what the model made of what it was shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveAutoscaler {
    /// The object's name.
    pub name: String,
    /// The layer it scales.
    pub operation: Operation,
    /// The version of its cluster: `v1.20.2`.
    pub version: String,
    /// Its looks, in the order of time.
    pub looks: Vec<LiveLook>,
    /// Why it cannot be decided again; empty if it can.
    pub problem: String,
}

/// One look: what was read, and what both made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveLook {
    /// When, in nanoseconds since the trial began; below 0 before it.
    pub at: i64,
    /// What the metric was; none if it could not be read.
    pub read: Option<f64>,
    /// Pods that were asked for before.
    pub asked: i32,
    /// Pods there were.
    pub there: i32,
    /// Pods that the live autoscaler wanted; none if nobody knows.
    pub live: Option<i32>,
    /// Pods that the model wanted; none if it decided nothing.
    pub model: Option<i32>,
    /// Every field in which they differ, in words; none if nobody knows what the live one said.
    pub mismatches: Option<Vec<String>>,
}

impl LiveAutoscaler {
    /// How many looks were decided alike, how many differently, and of how many nobody knows.
    pub fn tally(&self) -> [usize; 3] {
        let count = |of: fn(&LiveLook) -> bool| self.looks.iter().filter(|look| of(look)).count();
        [
            count(|look| look.mismatches.as_ref().is_some_and(Vec::is_empty)),
            count(LiveLook::differs),
            count(|look| look.mismatches.is_none()),
        ]
    }
}

impl LiveLook {
    /// Whether both are known to have decided differently.
    pub fn differs(&self) -> bool {
        self.mismatches.as_ref().is_some_and(|found| !found.is_empty())
    }
}

/// The columns of [`LiveLook::row`].
pub(crate) const COLUMNS: [&str; 7] = [
    "at",
    "metric",
    "asked for",
    "there",
    "live wants",
    "model wants",
    "difference",
];

impl LiveAutoscaler {
    /// What came of it, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let of = format!("{} of Kubernetes {}", self.name, self.version);
        if !self.problem.is_empty() {
            return format!("{of} cannot be decided again: {}.", self.problem);
        }
        let [same, differ, unknown] = self.tally();
        let unknown = match unknown {
            0 => String::new(),
            unknown => format!("; of {unknown} nobody knows what the live one said"),
        };
        format!(
            "{of} looked {} times: {same} decided alike, {differ} differently{unknown}.",
            self.looks.len()
        )
    }
}

impl LiveLook {
    /// One row of the table of looks.
    pub(crate) fn row(&self) -> Vec<String> {
        let pods = |count: Option<i32>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        vec![
            format!("{:.1} s", self.at as f64 / 1e9),
            self.read.map_or_else(|| "no answer".to_owned(), unit::digits),
            self.asked.to_string(),
            self.there.to_string(),
            pods(self.live),
            pods(self.model),
            match &self.mismatches {
                None => "not known".to_owned(),
                Some(found) if found.is_empty() => "none".to_owned(),
                Some(found) => found.join("; "),
            },
        ]
    }
}
