//! One number over the trials of every arm: medians, intervals, differences and the words for them.

use serde::{Deserialize, Serialize};

use super::headline::{Metric, Unit};
use super::statistics::{self, Interval, Shift};

/// Below this relative difference nothing is called better or worse, however sure it is: a machine is not more exact.
pub(crate) const NOISE: f64 = 0.02;
/// Pairs from which an interval of 95 % exists.
const FEWEST: usize = 6;

/// The word for a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval lies on the better side.
    Better,
    /// The interval lies on the worse side.
    Worse,
    /// The interval holds no difference, or a difference within the noise.
    NoDifferenceShown,
    /// There are too few trials for an interval.
    CannotTell,
}

/// One number on one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Per trial; none where it was not seen.
    pub values: Vec<Option<f64>>,
    /// The median of those seen.
    pub median: Option<f64>,
    /// Its 95 % interval; none below six trials.
    pub interval: Option<Interval>,
}

/// One arm against the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Relative: 0.06 is 6 % more than the first arm. Otherwise in the number's unit.
    pub estimate: f64,
    /// Its 95 % interval; none if there are too few trials.
    pub interval: Option<Interval>,
    /// How many trials, or pairs of trials, it rests on.
    pub trials: usize,
    /// The word for it.
    pub verdict: Verdict,
}

/// One number of the headline table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// `latency_p99`.
    pub key: String,
    /// `p99 latency`.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// Which way is better.
    pub lower_is_better: bool,
    /// True if differences are relative.
    pub relative: bool,
    /// Per arm.
    pub arms: Vec<Estimate>,
    /// Per arm; none for the first, and where a side was never seen.
    pub differences: Vec<Option<Difference>>,
}

impl Number {
    /// `values` per arm; with `paired`, values at one place of every arm belong together.
    pub(crate) fn of(metric: &Metric, values: Vec<Vec<Option<f64>>>, paired: bool) -> Self {
        let base = values.first().cloned().unwrap_or_default();
        let differences = values.iter().enumerate().map(|(arm, other)| {
            let (shift, trials) = shift(metric, &base, other, paired)?;
            (arm > 0).then(|| difference(metric, shift, trials))
        });
        Self {
            key: metric.key.to_owned(),
            name: metric.name.to_owned(),
            unit: metric.unit,
            lower_is_better: metric.lower_is_better,
            relative: metric.is_relative(),
            differences: differences.collect(),
            arms: values.into_iter().map(estimate).collect(),
        }
    }
}

/// Median and interval of what was seen.
pub(crate) fn estimate(values: Vec<Option<f64>>) -> Estimate {
    let seen: Vec<f64> = values.iter().flatten().copied().collect();
    Estimate {
        values,
        median: statistics::median(&seen),
        interval: statistics::median_interval(&seen),
    }
}

/// The shift on the scale of the comparison (logarithms for ratios), and the trials it rests on.
fn shift(
    metric: &Metric,
    base: &[Option<f64>],
    other: &[Option<f64>],
    paired: bool,
) -> Option<(Shift, usize)> {
    let scaled = |value: f64| {
        if metric.is_relative() {
            value.max(f64::MIN_POSITIVE).ln()
        } else {
            value
        }
    };
    if paired {
        let both = base
            .iter()
            .zip(other)
            .filter_map(|(base, other)| Some((*base)?).zip(*other));
        let differences: Vec<f64> = both.map(|(base, other)| scaled(other) - scaled(base)).collect();
        return Some((statistics::paired(&differences)?, differences.len()));
    }
    let seen = |values: &[Option<f64>]| {
        values
            .iter()
            .flatten()
            .map(|value| scaled(*value))
            .collect::<Vec<_>>()
    };
    let (base, other) = (seen(base), seen(other));
    Some((statistics::unpaired(&base, &other)?, base.len().min(other.len())))
}

fn difference(metric: &Metric, shift: Shift, trials: usize) -> Difference {
    let shown = |value: f64| {
        if metric.is_relative() {
            value.exp_m1()
        } else {
            value
        }
    };
    let interval = shift.interval.map(|interval| interval.map(shown));
    Difference {
        estimate: shown(shift.estimate),
        interval,
        trials,
        verdict: verdict(metric, shown(shift.estimate), interval),
    }
}

fn verdict(metric: &Metric, estimate: f64, interval: Option<Interval>) -> Verdict {
    let Some(interval) = interval else {
        return Verdict::CannotTell;
    };
    let noise = if metric.is_relative() { NOISE } else { 0.0 };
    let small = estimate.abs() <= noise;
    match (interval.low > 0.0, interval.high < 0.0) {
        _ if small => Verdict::NoDifferenceShown,
        (true, _) if metric.lower_is_better => Verdict::Worse,
        (_, true) if metric.lower_is_better => Verdict::Better,
        (true, _) => Verdict::Better,
        (_, true) => Verdict::Worse,
        _ => Verdict::NoDifferenceShown,
    }
}

/// How many more pairs would give an interval; 0 if there are enough.
pub(crate) const fn missing(trials: usize) -> usize {
    FEWEST.saturating_sub(trials)
}

#[cfg(test)]
mod tests {
    use super::super::headline::METRICS;
    use super::*;

    fn number(key: &str, base: &[f64], other: &[f64], paired: bool) -> Difference {
        let metric = METRICS.iter().find(|metric| metric.key == key).unwrap();
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let number = Number::of(metric, vec![some(base), some(other)], paired);
        assert_eq!(
            number.differences[0], None,
            "the first arm is what the others are compared with"
        );
        number.differences[1].clone().unwrap()
    }

    const SIX: [f64; 6] = [100.0, 130.0, 90.0, 110.0, 105.0, 98.0];

    /// Half the latency is better, half the answers are worse, the same is no difference, and five trials cannot tell.
    #[test]
    fn words_follow_the_interval_and_the_direction() {
        let times = |factor: f64| SIX.map(|value| value * factor);
        for (key, factor, expected) in [
            ("latency_p99", 0.5, Verdict::Better),
            ("latency_p99", 1.5, Verdict::Worse),
            ("latency_p99", 1.0, Verdict::NoDifferenceShown),
            ("latency_p99", 1.01, Verdict::NoDifferenceShown),
            ("success_rate", 0.5, Verdict::Worse),
            ("success_rate", 1.001, Verdict::Better),
        ] {
            let found = number(key, &SIX, &times(factor), true);
            assert_eq!(found.verdict, expected, "{key} {factor}");
            if key == "latency_p99" {
                assert!((found.estimate - (factor - 1.0)).abs() < 1e-9);
            }
        }
        let five = number("latency_p99", &SIX[..5], &times(0.5)[..5], true);
        assert_eq!(
            (five.verdict, five.interval, missing(five.trials)),
            (Verdict::CannotTell, None, 1)
        );
        let stored = number("latency_p99", &SIX[..4], &times(0.5)[..4], false);
        assert_eq!(
            stored.verdict,
            Verdict::Better,
            "four against four unpaired are enough"
        );
    }

    /// A pair counts only if both sides were seen; what was never seen has no difference.
    #[test]
    fn what_was_not_seen_is_not_compared() {
        let metric = &METRICS[0];
        let base = vec![Some(1.0), None, Some(2.0)];
        let number = Number::of(
            metric,
            vec![base.clone(), vec![None, Some(1.0), Some(4.0)], vec![None; 3]],
            true,
        );
        let [none, some, never] = &number.differences[..] else {
            panic!()
        };
        assert_eq!(none, &None);
        assert_eq!(
            some.as_ref().map(|found| (found.trials, found.estimate.round())),
            Some((1, 1.0))
        );
        assert_eq!(never, &None);
        assert_eq!(number.arms[2].median, None);
    }
}
