//! How well supply followed demand: the scores by which scaling policies are compared, as pure functions of step curves.
//!
//! Formulas after the SPEC Research Group's elasticity metrics (Herbst et al., "Ready for Rain? A View from SPEC Research on the
//! Future of Cloud Metrics", SPEC-RG-2016-01, arXiv 1604.03470), under-provisioning and over-provisioning apart; V and K are
//! the pair of DC2. `docs/method.md` has them in words.

use serde::Serialize;

mod curve;
mod needed;
mod scores;

pub use curve::StepCurve;
pub use needed::{ServedTask, needed_sets, violations};
pub use scores::{Course, Criteria, Scores};

/// Percentages of the time that is looked at; 0 is best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Elasticity {
    /// Accuracy: what was missing, as a share of what was needed, averaged over time.
    pub under_accuracy: f64,
    /// Accuracy: what was too much, as a share of what was needed, averaged over time.
    pub over_accuracy: f64,
    /// Timeshare: the time with too little.
    pub under_time: f64,
    /// Timeshare: the time with too much.
    pub over_time: f64,
    /// Instability: the time in which supply and demand did not move the same way.
    pub instability: f64,
}

/// Compares supply with demand from `from` to `to` in nanoseconds. `window` is the length over which movement is judged.
///
/// With d(t) demand, at least 1, and s(t) supply: accuracy is `100/T * integral of max(d-s, 0)/d` (over: `max(s-d, 0)/d`),
/// timeshare is `100/T` times the measure of the times with d > s (over: s > d), instability is the percentage of windows in
/// which `sign(s(end) - s(start)) != sign(d(end) - d(start))`.
pub fn elasticity(supply: &StepCurve, demand: &StepCurve, from: u64, to: u64, window: u64) -> Elasticity {
    let total = to.saturating_sub(from) as f64;
    if total == 0.0 || window == 0 {
        return Elasticity::default();
    }
    let mut sums = Elasticity::default();
    let mut times: Vec<u64> = supply
        .times()
        .chain(demand.times())
        .filter(|at| (from..to).contains(at))
        .collect();
    times.push(from);
    times.push(to);
    times.sort_unstable();
    for pair in times.windows(2) {
        let share = (pair[1] - pair[0]) as f64 / total * 100.0;
        let (s, d) = (supply.at(pair[0]), demand.at(pair[0]).max(1.0));
        sums.under_accuracy += share * (d - s).max(0.0) / d;
        sums.over_accuracy += share * (s - d).max(0.0) / d;
        sums.under_time += if d > s { share } else { 0.0 };
        sums.over_time += if s > d { share } else { 0.0 };
    }
    let windows = (to - from) / window;
    let sign = |curve: &StepCurve, start: u64| {
        let change = curve.at(start + window) - curve.at(start);
        i8::from(change > 0.0) - i8::from(change < 0.0)
    };
    let apart = (0..windows)
        .map(|index| from + index * window)
        .filter(|start| sign(supply, *start) != sign(demand, *start))
        .count();
    sums.instability = 100.0 * apart as f64 / windows.max(1) as f64;
    sums
}

/// How often a curve turned round from `from` to `to`: a rise after a fall or a fall after a rise.
pub fn flaps(curve: &StepCurve, from: u64, to: u64) -> u32 {
    let mut last = curve.at(from);
    let mut direction = 0_i8;
    let mut turns = 0;
    for at in curve.times().filter(|at| (from..to).contains(at)) {
        let now = curve.at(at);
        let step = i8::from(now > last) - i8::from(now < last);
        turns += u32::from(step != 0 && direction != 0 && step != direction);
        if step != 0 {
            direction = step;
        }
        last = now;
    }
    turns
}

/// What a policy lost against the one that knows the future: V in points more, and K as a multiple; the first is never below 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regret {
    /// Violations more, in the unit of V.
    pub violations: f64,
    /// Replica-seconds by those of the bound.
    pub cost: f64,
}

/// Regret of (V, K) against the bound's.
pub fn regret((v, k): (f64, f64), (bound_v, bound_k): (f64, f64)) -> Regret {
    Regret {
        violations: (v - bound_v).max(0.0),
        cost: if bound_k > 0.0 { k / bound_k } else { f64::NAN },
    }
}

/// Share of the gap on V between a baseline and the bound that a policy closes: 1 is the bound, 0 the baseline, below 0 is
/// worse; none if there is no gap.
pub fn gap_closed(v: f64, baseline: f64, bound: f64) -> Option<f64> {
    let gap = baseline - bound;
    (gap > 0.0).then(|| (baseline - v) / gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn curve(steps: &[(u64, f64)]) -> StepCurve {
        steps
            .iter()
            .map(|(second, value)| (second * SECOND, *value))
            .collect()
    }

    /// By hand: demand 2, 4 from second 4 on; supply 2, 1 from second 2, 4 from second 6 and 5 from second 8 to 10.
    #[test]
    fn the_scores_are_those_computed_by_hand() {
        let demand = curve(&[(0, 2.0), (4, 4.0)]);
        let supply = curve(&[(0, 2.0), (2, 1.0), (6, 4.0), (8, 5.0)]);
        let scores = elasticity(&supply, &demand, 0, 10 * SECOND, SECOND);
        // Under: 2 s at 1/2 and 2 s at 3/4 of 10 s. Over: 2 s at 1/4.
        assert!((scores.under_accuracy - 25.0).abs() < 1e-9, "{scores:?}");
        assert!((scores.over_accuracy - 5.0).abs() < 1e-9, "{scores:?}");
        assert!((scores.under_time - 40.0).abs() < 1e-9, "{scores:?}");
        assert!((scores.over_time - 20.0).abs() < 1e-9, "{scores:?}");
        // Windows that begin at 1 (supply falls), 3 (demand rises), 5 and 7 (supply rises).
        assert!((scores.instability - 40.0).abs() < 1e-9, "{scores:?}");
        assert!((supply.area(0, 10 * SECOND) - (4.0 + 4.0 + 8.0 + 10.0)).abs() < 1e-9);
        assert_eq!(flaps(&supply, 0, 10 * SECOND), 1);
        assert_eq!(flaps(&demand, 0, 10 * SECOND), 0);
    }

    /// Supply that is demand scores 0 everywhere.
    #[test]
    fn perfect_supply_scores_zero() {
        let demand = curve(&[(0, 1.0), (3, 7.0), (5, 2.0)]);
        assert_eq!(
            elasticity(&demand, &demand, 0, 9 * SECOND, SECOND),
            Elasticity::default()
        );
    }

    /// Regret and the closed gap, by hand.
    #[test]
    fn regret_and_gap_are_those_computed_by_hand() {
        assert_eq!(
            regret((7.0, 110.0), (2.0, 100.0)),
            Regret {
                violations: 5.0,
                cost: 1.1
            }
        );
        assert_eq!(regret((1.0, 100.0), (2.0, 100.0)).violations, 0.0);
        assert_eq!(gap_closed(4.0, 12.0, 2.0), Some(0.8));
        assert_eq!(gap_closed(4.0, 2.0, 2.0), None);
    }
}
