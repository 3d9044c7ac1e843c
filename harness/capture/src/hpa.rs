//! `hpa.jsonl`: what a live autoscaler was shown and what it decided, enough to decide it again.
//!
//! Only trials with a live HorizontalPodAutoscaler have this file. What the metrics adapter answered is told by the adapter's own
//! clock; objects by when their change was heard of, which is some milliseconds later than it happened.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tally_model::Operation;

/// What the controller made of an answer of the metrics adapter is heard within this time, a third of the controller's period. An
/// answer that is younger when its record is taken is left out, and a status that comes later is of another look.
pub const HPA_SETTLES: Duration = Duration::from_secs(5);

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HpaLine {
    /// When, in nanoseconds since the trial began; below 0 before it, for an autoscaler begins to look before the load.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub fact: HpaFact,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HpaFact {
    /// The version of the API server: `v1.20.2`.
    Server(String),
    /// An autoscaler, when it is new or its spec has changed.
    Object {
        /// Its name.
        name: String,
        /// The layer it scales.
        operation: Operation,
        /// Its `spec`, as the server has it.
        spec: Value,
    },
    /// The metrics adapter answered the controller: a look of every autoscaler on that metric.
    Answer {
        /// The layer asked for.
        operation: Operation,
        /// The metric.
        metric: String,
        /// The value; none if the adapter had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
    },
    /// The status of an autoscaler, when it has changed.
    Status {
        /// Its name.
        name: String,
        /// `desiredReplicas`.
        desired: u32,
        /// `currentReplicas`.
        current: u32,
        /// `currentMetrics`, as the server has them; null before the first look.
        metrics: Value,
        /// Its conditions.
        conditions: Vec<HpaCondition>,
        /// `lastScaleTime`, as the server writes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_scale: Option<String>,
    },
    /// A Deployment, when it has changed.
    Deployment {
        /// Its name.
        name: String,
        /// Pods asked for.
        wanted: u32,
        /// Pods there are.
        there: u32,
        /// Pods that are ready.
        ready: u32,
    },
}

/// One condition of an autoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HpaCondition {
    /// `ScalingActive`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason's name.
    pub reason: String,
    /// For people.
    pub message: String,
}
