//! What a live autoscaler was shown, decided again by the model, look by look.
//!
//! Every look is given the scale and the readings that the live controller had; recommendations and steps are the model's own
//! memory, from the first look on. So one decision that differs does not change what the next look is shown, only what the
//! model remembers of it.

use std::collections::BTreeMap;

use serde::Serialize;
use tally_model::Instant;

use super::{ConditionType, Metric, Outcome, Scale, Spec, State, reconcile, written};

/// One reconcile of the live controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When; looks are in the order of time.
    pub at: Instant,
    /// The target as the controller found it.
    pub scale: Scale,
    /// What it read.
    pub metrics: Vec<Metric>,
    /// What it made of that; none if nobody knows.
    pub live: Option<Live>,
}

/// The status of a live autoscaler after a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// `desiredReplicas`.
    pub desired: i32,
    /// Milli-units per replica in `currentMetrics`, one for each metric that tells them.
    pub averages: Vec<Option<i64>>,
    /// Status and reason of every condition: `True/ReadyForNewScale`.
    pub conditions: BTreeMap<ConditionType, String>,
}

/// Where the model and the live controller disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// `desiredReplicas`, `currentMetrics[0]`, or a condition.
    pub field: String,
    /// What the live controller says.
    pub live: String,
    /// What the model says.
    pub model: String,
}

/// What the model made of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Replicas there are to be; none if it decided nothing, because no metric was of use.
    pub desired: Option<i32>,
    /// Empty if the live controller says the same; none if nobody knows what it says.
    pub mismatches: Option<Vec<Mismatch>>,
}

/// Decides every look in turn: as many decisions as looks, in their order. Where the model rescales, the write is taken to succeed.
pub fn replay(spec: &Spec, looks: &[Look]) -> Vec<Decided> {
    let mut state = State::default();
    let decide = |look: &Look| {
        let outcome = reconcile(spec, &mut state, look.at, Some(&look.scale), &look.metrics);
        if let Some(outcome) = &outcome {
            written(spec, &mut state, look.at, outcome, true);
        }
        let live = look.live.as_ref();
        Decided {
            desired: outcome.as_ref().and_then(desired),
            mismatches: live.map(|live| mismatches(live, outcome.as_ref(), &state)),
        }
    };
    looks.iter().map(decide).collect()
}

/// Replicas there are to be, if a metric was of use.
fn desired(outcome: &Outcome) -> Option<i32> {
    outcome.error().is_none().then_some(outcome.desired)
}

/// Everything that both say, and differently.
fn mismatches(live: &Live, outcome: Option<&Outcome>, state: &State) -> Vec<Mismatch> {
    let mut told: Vec<(String, String, String)> = Vec::new();
    // A controller that read nothing leaves the number of before in its status.
    if let Some(desired) = outcome.and_then(desired) {
        told.push((
            "desiredReplicas".to_owned(),
            live.desired.to_string(),
            desired.to_string(),
        ));
    }
    if let Some(Ok(proposals)) = outcome.and_then(|outcome| outcome.proposals.as_ref()) {
        let each = proposals.each.iter().zip(&live.averages).enumerate();
        told.extend(each.filter_map(|(index, (proposal, average))| {
            let (proposal, average) = (proposal.as_ref().ok()?, (*average)?);
            let field = format!("currentMetrics[{index}]");
            Some((field, format!("{average}m"), format!("{}m", proposal.usage)))
        }));
    }
    // `ScaledToZero` is younger than the versions whose status can be compared.
    let compared = [
        ConditionType::AbleToScale,
        ConditionType::ScalingActive,
        ConditionType::ScalingLimited,
    ];
    told.extend(compared.into_iter().map(|condition| {
        let live = live.conditions.get(&condition).cloned();
        let model = state.conditions.get(condition).map(|set| set.to_string());
        let or_unset = |text: Option<String>| text.unwrap_or_else(|| "not set".to_owned());
        (condition.to_string(), or_unset(live), or_unset(model))
    }));
    let differ = told.into_iter().filter(|(_, live, model)| live != model);
    differ
        .map(|(field, live, model)| Mismatch { field, live, model })
        .collect()
}
