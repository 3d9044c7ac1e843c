//! From one number for all pods to a number of replicas.

use super::{Calculation, Proposal, Scale, TotalTarget};

/// All series together, at most `i64::MAX`.
pub(super) fn sum(series: &[i64]) -> i64 {
    series.iter().fold(0, |sum, &value| sum.saturating_add(value))
}

/// Proposes replicas for a metric of an object or from outside.
pub(super) fn propose(target: TotalTarget, usage: i64, scale: &Scale, by: &Calculation) -> Proposal {
    match target {
        TotalTarget::Value(target) => by_value(target, usage, scale, by),
        TotalTarget::AverageValue(target) => by_average(target, usage, scale, by),
    }
}

/// The ratio times the *ready* replicas, which can ask for fewer replicas although the ratio is above 1.
fn by_value(target: i64, usage: i64, scale: &Scale, by: &Calculation) -> Proposal {
    let ratio = usage as f64 / target as f64;
    let replicas = if scale.spec == 0 {
        ratio.ceil() as i32
    } else if by.tolerance.within(ratio, by.compat) {
        scale.spec
    } else {
        (ratio * f64::from(scale.ready)).ceil() as i32
    };
    Proposal {
        replicas,
        utilization: None,
        usage,
    }
}

/// As many replicas as have the target each. Without replicas the ratio is infinite, or NaN if there is nothing to do.
fn by_average(target: i64, usage: i64, scale: &Scale, by: &Calculation) -> Proposal {
    let there = f64::from(scale.status);
    let ratio = usage as f64 / (target as f64 * there);
    let replicas = if by.tolerance.within(ratio, by.compat) {
        scale.status
    } else {
        (usage as f64 / target as f64).ceil() as i32
    };
    Proposal {
        replicas,
        utilization: None,
        usage: (usage as f64 / there).ceil() as i64,
    }
}
