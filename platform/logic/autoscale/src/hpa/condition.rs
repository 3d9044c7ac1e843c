//! What an autoscaler says about itself.

use std::collections::BTreeMap;
use std::fmt;

/// The conditions of an autoscaler's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// It can read and write the scale.
    AbleToScale,
    /// It computes a number of replicas.
    ScalingActive,
    /// The number was bounded.
    ScalingLimited,
    /// It was the autoscaler that scaled the target to zero.
    ScaledToZero,
}

impl ConditionType {
    /// All, in the order in which they are printed.
    pub const ALL: [Self; 4] = [
        Self::AbleToScale,
        Self::ScalingActive,
        Self::ScalingLimited,
        Self::ScaledToZero,
    ];
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a condition is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(
    missing_docs,
    reason = "the names are those of Kubernetes and say what they mean"
)]
pub enum Reason {
    SucceededGetScale,
    FailedGetScale,
    ReadyForNewScale,
    ScaleUpStabilized,
    ScaleDownStabilized,
    SucceededRescale,
    FailedUpdateScale,
    ValidMetricFound,
    ScalingDisabled,
    InvalidSelector,
    AmbiguousSelector,
    FailedGetResourceMetric,
    FailedGetContainerResourceMetric,
    FailedGetPodsMetric,
    FailedGetObjectMetric,
    FailedGetExternalMetric,
    InvalidMetricSourceType,
    DesiredWithinRange,
    ScaleUpLimit,
    ScaleDownLimit,
    TooManyReplicas,
    TooFewReplicas,
    ScaledToZero,
    NotScaledToZero,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its status; Kubernetes also knows `Unknown`, which the autoscaler never sets.
    pub holds: bool,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = if self.holds { "True" } else { "False" };
        write!(f, "{status}/{}", self.reason)
    }
}

/// All conditions that were ever set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions(BTreeMap<ConditionType, Condition>);

impl Conditions {
    /// Says that `condition` holds, or not.
    pub fn set(&mut self, condition: ConditionType, holds: bool, reason: Reason) {
        self.0.insert(condition, Condition { holds, reason });
    }

    /// As it was set last.
    pub fn get(&self, condition: ConditionType) -> Option<Condition> {
        self.0.get(&condition).copied()
    }

    /// True if it was set and holds.
    pub fn holds(&self, condition: ConditionType) -> bool {
        self.get(condition).is_some_and(|condition| condition.holds)
    }

    /// `ScalingLimited=True/ScaleUpLimit`, or `ScalingLimited is not set`.
    pub fn describe(&self, condition: ConditionType) -> String {
        match self.get(condition) {
            None => format!("{condition} is not set"),
            Some(set) => format!("{condition}={set}"),
        }
    }
}
