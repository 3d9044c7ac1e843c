//! Rows about what is remembered: stabilisation and rates.

use std::time::Duration;

use serde_json::Value;
use tally_model::Instant;

use super::compare::Got;
use super::fields::{Fields, kind_of};
use crate::hpa::{
    Behavior, Change, Compat, Event, History, Reason, Recommendation, ScalingPolicy, ScalingRules, Select,
    Spec, rate, stabilize,
};

/// Now, for rows that say how old things are: later than any age.
pub(super) fn now() -> Instant {
    Instant::ZERO + Duration::from_secs(2_000_000_000)
}

/// `kind = "rate"`: the limits of a step.
#[derive(Debug)]
pub(super) struct RateRow {
    spec: Spec,
    behavior: Behavior,
    history: History,
    current: i32,
    proposal: i32,
}

impl RateRow {
    pub(super) fn read(fields: &Fields<'_>, compat: Compat) -> Self {
        let (min, max) = bounds(fields);
        let mut spec = Spec::new(min, max);
        spec.compat = compat;
        Self {
            behavior: behavior(fields, spec.downscale_stabilization),
            spec,
            history: history(fields, None),
            current: fields.replicas("cur"),
            proposal: proposal(fields),
        }
    }

    pub(super) fn evaluate(&self) -> Got {
        let Self {
            spec,
            behavior,
            history,
            current,
            proposal,
        } = self;
        let limited = rate::with_behavior(spec, behavior, history, now(), *current, *proposal);
        Got {
            replicas: Some(limited.replicas),
            reason: Some(limited.reason),
            ..Got::default()
        }
    }
}

/// `kind = "rate_legacy"`: the limits of a step without a behavior.
#[derive(Debug)]
pub(super) struct LegacyRateRow {
    current: i32,
    proposal: i32,
    min: i32,
    max: i32,
}

impl LegacyRateRow {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let (min, max) = bounds(fields);
        Self {
            current: fields.replicas("cur"),
            proposal: proposal(fields),
            min,
            max,
        }
    }

    pub(super) fn evaluate(&self) -> Got {
        let limited = rate::without_behavior(self.current, self.proposal, self.min, self.max);
        Got {
            replicas: Some(limited.replicas),
            reason: Some(limited.reason),
            ..Got::default()
        }
    }
}

/// `kind = "stabilize"`: the windows of a behavior.
#[derive(Debug)]
pub(super) struct StabilizeRow {
    behavior: Behavior,
    recommendations: Vec<Recommendation>,
    current: i32,
    proposal: i32,
    compat: Compat,
}

impl StabilizeRow {
    pub(super) fn read(fields: &Fields<'_>, compat: Compat) -> Self {
        let window = |name| fields.optional_seconds(name, ScalingRules::MAX_WINDOW);
        let mut behavior = Behavior::defaults(Spec::DOWNSCALE_STABILIZATION);
        behavior.up.window = window("up_window").unwrap_or(behavior.up.window);
        behavior.down.window = window("down_window").unwrap_or(behavior.down.window);
        Self {
            behavior,
            recommendations: recommendations(fields).unwrap_or_default(),
            current: fields.replicas("cur"),
            proposal: proposal(fields),
            compat,
        }
    }

    pub(super) fn evaluate(&self) -> Got {
        let mut history = History {
            recommendations: Some(self.recommendations.clone()),
            ..History::default()
        };
        let (stable, blame) = stabilize::both_ways(
            &mut history,
            now(),
            self.current,
            self.proposal,
            &self.behavior,
            self.compat,
        );
        stabilized(stable, self.proposal, blame, &history)
    }
}

/// `kind = "stabilize_legacy"`: the window of the controller's flag.
#[derive(Debug)]
pub(super) struct LegacyRow {
    recommendations: Vec<Recommendation>,
    proposal: i32,
    window: Duration,
}

impl LegacyRow {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        // The current size does not matter to this rule; rows may give it all the same.
        let _ = fields.optional_replicas("cur");
        let longest = Duration::from_secs(1_000_000_000);
        Self {
            recommendations: recommendations(fields).unwrap_or_default(),
            proposal: proposal(fields),
            window: fields
                .optional_seconds("down_window", longest)
                .unwrap_or(Spec::DOWNSCALE_STABILIZATION),
        }
    }

    pub(super) fn evaluate(&self) -> Got {
        let mut history = History {
            recommendations: Some(self.recommendations.clone()),
            ..History::default()
        };
        let stable = stabilize::down_only(&mut history, now(), self.proposal, self.window);
        stabilized(stable, self.proposal, Reason::ScaleDownStabilized, &history)
    }
}

fn stabilized(stable: i32, proposal: i32, blame: Reason, history: &History) -> Got {
    let reason = if stable == proposal {
        Reason::ReadyForNewScale
    } else {
        blame
    };
    Got {
        replicas: Some(stable),
        reason: Some(reason),
        log_len: Some(history.recommended().len()),
        ..Got::default()
    }
}

/// `min` (1 if it is missing) and `max`.
pub(super) fn bounds(fields: &Fields<'_>) -> (i32, i32) {
    let (min, max) = (
        fields.optional_replicas("min").unwrap_or(1),
        fields.replicas("max"),
    );
    if fields.value("max").is_some() && max < min {
        fields.problem("max", format!("is {max}, below min, which is {min}"));
    }
    (min, max)
}

/// `up_events`, `down_events` and recommendations.
pub(super) fn history(fields: &Fields<'_>, recommendations: Option<Vec<Recommendation>>) -> History {
    History {
        recommendations,
        ups: events(fields, "up_events"),
        downs: events(fields, "down_events"),
    }
}

fn events(fields: &Fields<'_>, name: &'static str) -> Vec<Event> {
    let events = fields.optional_objects(name).unwrap_or_default();
    let read = |event: &Fields<'_>| {
        let read = Event {
            change: event.replicas("n"),
            at: now() - event.age("age"),
            outdated: event.optional_bool("outdated").unwrap_or(false),
        };
        event.finish();
        read
    };
    events.iter().map(read).collect()
}

/// `recs`; none if it is missing or null, which is not the same as empty.
pub(super) fn recommendations(fields: &Fields<'_>) -> Option<Vec<Recommendation>> {
    let entries = fields.optional_objects("recs")?;
    let read = |entry: &Fields<'_>| {
        let read = Recommendation {
            replicas: entry.replicas("n"),
            at: now() - entry.age("age"),
        };
        entry.finish();
        read
    };
    Some(entries.iter().map(read).collect())
}

/// `pre`: what the metrics asked for.
fn proposal(fields: &Fields<'_>) -> i32 {
    fields.int("pre", i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// `up` and `down`, each with the defaults for what it leaves out.
pub(super) fn behavior(fields: &Fields<'_>, window: Duration) -> Behavior {
    let direction = |name: &'static str, defaults: ScalingRules| match fields.optional_object(name) {
        None => defaults,
        Some(inner) => scaling_rules(&inner, defaults),
    };
    Behavior {
        up: direction("up", ScalingRules::up()),
        down: direction("down", ScalingRules::down(window)),
    }
}

fn scaling_rules(fields: &Fields<'_>, mut rules: ScalingRules) -> ScalingRules {
    const SELECT: &[(&str, Select)] = &[
        ("Max", Select::Max),
        ("Min", Select::Min),
        ("Disabled", Select::Disabled),
    ];
    if let Some(policies) = fields.optional_array("policies") {
        let each = policies.iter().enumerate();
        rules.policies = each
            .filter_map(|(index, value)| policy(fields, index, value))
            .collect();
    }
    if fields.value("select").is_some() {
        rules.select = fields.choice("select", SELECT).unwrap_or_default();
    }
    if let Some(window) = fields.optional_seconds("window", ScalingRules::MAX_WINDOW) {
        rules.window = window;
    }
    rules.tolerance = fields
        .value("tolerance")
        .and_then(|value| fields.fraction("tolerance", value));
    fields.finish();
    rules
}

/// `["Pods", 4, 15]`: type, value, seconds.
fn policy(fields: &Fields<'_>, index: usize, value: &Value) -> Option<ScalingPolicy> {
    let at = format!("policies[{index}]");
    let Some([kind, amount, period]) = value.as_array().map(Vec::as_slice) else {
        fields.problem(
            &at,
            format!(
                "is {}: write [\"Pods\", 4, 15], type, value, seconds",
                kind_of(value)
            ),
        );
        return None;
    };
    let amount = fields.whole(&format!("{at}[1]"), amount, 1, i64::from(i32::MAX));
    let longest = ScalingRules::MAX_PERIOD.as_secs() as i64;
    let period = fields.whole(&format!("{at}[2]"), period, 1, longest);
    let make = match kind.as_str() {
        Some("Pods") => Change::Pods,
        Some("Percent") => Change::Percent,
        _ => {
            fields.problem(
                &format!("{at}[0]"),
                format!("is {}: give Pods or Percent", kind_of(kind)),
            );
            return None;
        }
    };
    Some(ScalingPolicy::per_seconds(make(amount? as i32), period? as u64))
}
