//! How far one step may go.

use tally_model::Instant;

use super::history::changed_within;
use super::{Behavior, Change, Compat, History, Reason, ScalingRules, Select, Spec};

/// A number of replicas and what bounded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Replicas.
    pub replicas: i32,
    /// `DesiredWithinRange` if nothing did.
    pub reason: Reason,
}

impl Limited {
    const fn free(replicas: i32) -> Self {
        Self {
            replicas,
            reason: Reason::DesiredWithinRange,
        }
    }
}

/// Without behavior: at most double (or 4), and within the bounds. There is no limit on the way down.
pub fn without_behavior(current: i32, desired: i32, min: i32, max: i32) -> Limited {
    let limit = current.saturating_mul(2).max(4);
    if desired < min {
        return Limited {
            replicas: min,
            reason: Reason::TooFewReplicas,
        };
    }
    let (upper, reason) = if max > limit {
        (limit, Reason::ScaleUpLimit)
    } else {
        (max, Reason::TooManyReplicas)
    };
    if desired > upper {
        return Limited {
            replicas: upper,
            reason,
        };
    }
    Limited::free(desired)
}

/// With behavior: the policies of the direction, given the steps of the past, then the bounds.
pub fn with_behavior(
    spec: &Spec,
    behavior: &Behavior,
    history: &History,
    now: Instant,
    current: i32,
    desired: i32,
) -> Limited {
    let past = Past {
        history,
        now,
        current,
        compat: spec.compat,
    };
    if desired > current {
        let limit = past.up_limit(&behavior.up).max(current);
        let (upper, reason) = if spec.max > limit {
            (limit, Reason::ScaleUpLimit)
        } else {
            (spec.max, Reason::TooManyReplicas)
        };
        if desired > upper {
            return Limited {
                replicas: upper,
                reason,
            };
        }
    } else if desired < current {
        let limit = past.down_limit(&behavior.down).min(current);
        let (lower, reason) = if spec.min < limit {
            (limit, Reason::ScaleDownLimit)
        } else {
            (spec.min, Reason::TooFewReplicas)
        };
        if desired < lower {
            return Limited {
                replicas: lower,
                reason,
            };
        }
    }
    Limited::free(desired)
}

/// From where policies count.
struct Past<'a> {
    history: &'a History,
    now: Instant,
    current: i32,
    compat: Compat,
}

impl Past<'_> {
    fn up_limit(&self, rules: &ScalingRules) -> i32 {
        let limits = rules.policies.iter().map(|policy| {
            let added = changed_within(&self.history.ups, policy.period, self.now);
            let removed = changed_within(&self.history.downs, policy.period, self.now);
            let removed = if self.compat.looks_both_ways() { removed } else { 0 };
            let start = i64::from(self.current) - added + removed;
            match policy.change {
                Change::Pods(pods) => narrow(start + i64::from(pods)),
                // Rounded up: otherwise a small target would never grow.
                Change::Percent(percent) => (start as f64 * (1.0 + f64::from(percent) / 100.0)).ceil() as i32,
            }
        });
        match rules.select {
            Select::Disabled => self.current,
            Select::Max => limits.fold(i32::MIN, i32::max),
            Select::Min => limits.fold(i32::MAX, i32::min),
        }
    }

    fn down_limit(&self, rules: &ScalingRules) -> i32 {
        let limits = rules.policies.iter().map(|policy| {
            let added = changed_within(&self.history.ups, policy.period, self.now);
            let added = if self.compat.looks_both_ways() { added } else { 0 };
            let removed = changed_within(&self.history.downs, policy.period, self.now);
            let start = i64::from(self.current) - added + removed;
            match policy.change {
                Change::Pods(pods) => narrow(start - i64::from(pods)),
                Change::Percent(percent) => (start as f64 * (1.0 - f64::from(percent) / 100.0)) as i32,
            }
        });
        // The largest change leaves the fewest replicas.
        match rules.select {
            Select::Disabled => self.current,
            Select::Max => limits.fold(i32::MAX, i32::min),
            Select::Min => limits.fold(i32::MIN, i32::max),
        }
    }
}

/// The nearest number of 32 bits.
fn narrow(wide: i64) -> i32 {
    wide.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
