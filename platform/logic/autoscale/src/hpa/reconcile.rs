//! One look at a target: what it should be scaled to, and why.

use tally_model::Instant;

use super::{
    Behavior, ConditionType, Conditions, History, Metric, MetricError, Proposals, Reason, Scale, Spec,
    propose, rate, stabilize,
};

/// Everything that an autoscaler remembers from one reconcile to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Recommendations and steps.
    pub history: History,
    /// Its status.
    pub conditions: Conditions,
    /// When it last changed the scale.
    pub last_scale: Option<Instant>,
}

/// What one reconcile decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Replicas there are to be; as many as asked for now if the metrics were of no use.
    pub desired: i32,
    /// Replicas that were asked for before.
    pub current: i32,
    /// What the metrics said, if they were read.
    pub proposals: Option<Result<Proposals, MetricError>>,
    /// True if this empties a target that the autoscaler may fill again.
    empties: bool,
}

impl Outcome {
    /// True if the scale must be written; tell the result with [`written`].
    pub const fn rescales(&self) -> bool {
        self.desired != self.current
    }

    /// Why nothing was decided.
    pub fn error(&self) -> Option<&MetricError> {
        self.proposals
            .as_ref()
            .and_then(|proposals| proposals.as_ref().err())
    }
}

/// Decides for a target. `scale` is none if it could not be read; then nothing is decided.
pub fn reconcile(
    spec: &Spec,
    state: &mut State,
    now: Instant,
    scale: Option<&Scale>,
    metrics: &[Metric],
) -> Option<Outcome> {
    let Some(scale) = scale else {
        state
            .conditions
            .set(ConditionType::AbleToScale, false, Reason::FailedGetScale);
        return None;
    };
    state
        .conditions
        .set(ConditionType::AbleToScale, true, Reason::SucceededGetScale);
    let current = scale.spec;
    state.history.seed(now, current);
    let without_pods = metrics.iter().any(Metric::lives_without_pods);
    let emptied = spec.compat.remembers_zero() && state.conditions.holds(ConditionType::ScaledToZero);
    let mut outcome = Outcome {
        desired: current,
        current,
        proposals: None,
        empties: false,
    };
    if current == 0 && !leaves_zero(spec, emptied, without_pods) {
        state
            .conditions
            .set(ConditionType::ScalingActive, false, Reason::ScalingDisabled);
    } else if current != 0 && current > spec.max {
        outcome.desired = spec.max;
    } else if current != 0 && current < spec.min {
        outcome.desired = spec.min;
    } else {
        let proposals = propose(metrics, scale, &spec.calculation());
        outcome.desired = by_metrics(spec, state, now, current, &proposals);
        if current == 0 && emptied && proposals.is_ok() {
            outcome.desired = outcome.desired.max(spec.min);
        }
        outcome.proposals = Some(proposals);
    }
    outcome.empties = current > 0 && outcome.desired == 0 && spec.min == 0 && without_pods;
    Some(outcome)
}

/// Whether a target without replicas is scaled at all; if not, somebody has paused it.
const fn leaves_zero(spec: &Spec, emptied: bool, without_pods: bool) -> bool {
    if spec.compat.remembers_zero() {
        emptied && (spec.min != 0 || without_pods)
    } else {
        spec.min == 0
    }
}

/// What the metrics ask for, stabilised and limited; as before if they are of no use.
fn by_metrics(
    spec: &Spec,
    state: &mut State,
    now: Instant,
    current: i32,
    proposals: &Result<Proposals, MetricError>,
) -> i32 {
    let conditions = &mut state.conditions;
    let proposal = match proposals {
        Ok(proposals) => proposals.replicas.max(0),
        Err(error) => {
            conditions.set(ConditionType::ScalingActive, false, error.reason);
            return current;
        }
    };
    conditions.set(ConditionType::ScalingActive, true, Reason::ValidMetricFound);
    let (stable, blame, limited) = match &spec.behavior {
        None => {
            let window = spec.downscale_stabilization;
            let stable = stabilize::down_only(&mut state.history, now, proposal, window);
            let limited = rate::without_behavior(current, stable, spec.min, spec.max);
            (stable, Reason::ScaleDownStabilized, limited)
        }
        Some(behavior) => {
            let (stable, blame) =
                stabilize::both_ways(&mut state.history, now, current, proposal, behavior, spec.compat);
            let limited = rate::with_behavior(spec, behavior, &state.history, now, current, stable);
            (stable, blame, limited)
        }
    };
    let able = if stable == proposal {
        Reason::ReadyForNewScale
    } else {
        blame
    };
    conditions.set(ConditionType::AbleToScale, true, able);
    conditions.set(
        ConditionType::ScalingLimited,
        limited.replicas != stable,
        limited.reason,
    );
    limited.replicas
}

/// Tells how writing the scale ended, after an outcome that [`Outcome::rescales`].
pub fn written(spec: &Spec, state: &mut State, now: Instant, outcome: &Outcome, succeeded: bool) {
    if !outcome.rescales() {
        return;
    }
    if !succeeded {
        state
            .conditions
            .set(ConditionType::AbleToScale, false, Reason::FailedUpdateScale);
        return;
    }
    state
        .conditions
        .set(ConditionType::AbleToScale, true, Reason::SucceededRescale);
    if let Some(behavior) = &spec.behavior {
        record(&mut state.history, behavior, now, outcome);
    }
    state.last_scale = Some(now);
    if spec.compat.remembers_zero() {
        let reason = if outcome.empties {
            Reason::ScaledToZero
        } else {
            Reason::NotScaledToZero
        };
        state
            .conditions
            .set(ConditionType::ScaledToZero, outcome.empties, reason);
    }
}

fn record(history: &mut History, behavior: &Behavior, now: Instant, outcome: &Outcome) {
    history.step(now, behavior, outcome.current, outcome.desired);
}
