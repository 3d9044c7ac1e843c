//! Rows about a whole reconcile.

use std::time::Duration;

use super::compare::Got;
use super::fields::Fields;
use super::history_rows::{behavior, bounds, history, now, recommendations};
use super::metric_rows::{metric, scale, tolerance};
use crate::hpa::{Compat, ConditionType, Metric, Reason, Scale, Spec, State, reconcile, written};

/// `kind = "reconcile"`.
#[derive(Debug)]
pub(super) struct ReconcileRow {
    spec: Spec,
    state: State,
    scale: Scale,
    metrics: Vec<Metric>,
}

impl ReconcileRow {
    pub(super) fn read(fields: &Fields<'_>, compat: Compat) -> Self {
        let (min, max) = bounds(fields);
        let mut spec = Spec::new(min, max);
        spec.compat = compat;
        spec.tolerance = tolerance(fields);
        let longest = Duration::from_secs(1_000_000_000);
        if let Some(window) = fields.optional_seconds("down_window", longest) {
            spec.downscale_stabilization = window;
        }
        spec.behavior = fields.optional_object("behavior").map(|inner| {
            let behavior = behavior(&inner, spec.downscale_stabilization);
            inner.finish();
            behavior
        });
        for problem in spec.behavior.iter().flat_map(|behavior| behavior.problems()) {
            fields.problem("behavior", problem);
        }
        let mut state = State {
            history: history(fields, recommendations(fields)),
            ..State::default()
        };
        if fields.optional_bool("scaled_to_zero") == Some(true) {
            state
                .conditions
                .set(ConditionType::ScaledToZero, true, Reason::ScaledToZero);
        }
        let mut scale = scale(fields, fields.replicas("cur"));
        let metrics = metrics(fields, &mut scale);
        Self {
            spec,
            state,
            scale,
            metrics,
        }
    }

    pub(super) fn evaluate(&self) -> Got {
        let mut state = self.state.clone();
        let Some(outcome) = reconcile(&self.spec, &mut state, now(), Some(&self.scale), &self.metrics) else {
            return Got::default();
        };
        written(&self.spec, &mut state, now(), &outcome, true);
        let limited = state.conditions.get(ConditionType::ScalingLimited);
        Got {
            replicas: Some(outcome.desired),
            error: outcome.error().map(|error| error.message.clone()),
            reason: limited.map(|condition| condition.reason),
            conditions: state.conditions,
            ..Got::default()
        }
    }
}

/// `metric` or `metrics`, then as many of an unknown type as `invalid_metrics` says.
fn metrics(fields: &Fields<'_>, scale: &mut Scale) -> Vec<Metric> {
    let mut objects: Vec<Fields<'_>> = fields.optional_object("metric").into_iter().collect();
    objects.extend(fields.optional_objects("metrics").unwrap_or_default());
    let mut found: Vec<Metric> = objects
        .iter()
        .filter_map(|object| metric(object, scale))
        .collect();
    let invalid = fields.optional_int("invalid_metrics", 0, 1000).unwrap_or(0);
    found.extend((0..invalid).map(|_| Metric::Unknown {
        name: "of no known type".to_owned(),
    }));
    found
}
