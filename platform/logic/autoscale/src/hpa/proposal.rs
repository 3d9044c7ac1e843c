//! Several metrics: the one that asks for most counts, and a broken one forbids to scale down.

use std::fmt;

use super::{Calculation, Metric, Reason, Scale, Selector};

/// What one metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas, before bounds.
    pub replicas: i32,
    /// Whole percent of the requests that is used, before assumptions about pods without samples.
    pub utilization: Option<i32>,
    /// Milli-units: per pod or replica for average targets and utilization, in all for values.
    pub usage: i64,
}

/// Why a metric asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricError {
    /// For the condition `ScalingActive`.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for MetricError {}

/// What all metrics together ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposals {
    /// The largest valid one.
    pub replicas: i32,
    /// One per metric, in their order.
    pub each: Vec<Result<Proposal, MetricError>>,
}

/// Asks every metric.
///
/// # Errors
/// The first invalid metric, if all are invalid, or if any is and the others ask for fewer replicas than there are;
/// or the selector does not find the pods.
pub fn propose(metrics: &[Metric], scale: &Scale, by: &Calculation) -> Result<Proposals, MetricError> {
    check(scale.selector, by)?;
    let each: Vec<_> = metrics.iter().map(|metric| metric.propose(scale, by)).collect();
    let largest = each.iter().flatten().map(|proposal| proposal.replicas).max();
    let invalid = each.iter().find_map(|proposal| proposal.as_ref().err());
    match (largest, invalid) {
        (None, None) => Err(MetricError {
            reason: Reason::InvalidMetricSourceType,
            message: "there is no metric to decide by".to_owned(),
        }),
        (None, Some(first)) => Err(first.clone()),
        (Some(replicas), Some(first)) if replicas < scale.spec && by.compat.holds_on_any_invalid() => {
            Err(first.clone())
        }
        (Some(replicas), _) => Ok(Proposals { replicas, each }),
    }
}

fn check(selector: Selector, by: &Calculation) -> Result<(), MetricError> {
    let (reason, message) = match selector {
        Selector::Invalid => (Reason::InvalidSelector, "the selector of the target is of no use"),
        Selector::Ambiguous if by.compat.detects_ambiguity() => (
            Reason::AmbiguousSelector,
            "pods by this selector are controlled by several autoscalers",
        ),
        Selector::Valid | Selector::Ambiguous => return Ok(()),
    };
    Err(MetricError {
        reason,
        message: message.to_owned(),
    })
}
