//! Whether one set of trials is better or worse than another: the ratio of medians and its bootstrap interval.

use tally::Exit;
use tally_workloads::Stream;

/// Times both sets are drawn again.
const RESAMPLES: usize = 10_000;
/// Fewer trials than this on one side say nothing.
pub(crate) const FEWEST: usize = 3;

/// The middle of the values; NaN of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (even, middle) if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (_, middle) => sorted[middle],
    }
}

/// An estimate and the 95 % interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) estimate: f64,
    pub(crate) high: f64,
}

/// A value drawn from each of several lists at once, and its 95 % interval (percentile bootstrap, Efron 1979).
fn bootstrap(sets: &[&[f64]], seed: u64, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Interval {
    let mut stream = Stream::new(seed, "bench", "bootstrap");
    let mut drawn: Vec<Vec<f64>> = sets.iter().map(|set| set.to_vec()).collect();
    let estimate = statistic(&drawn);
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            for (drawn, set) in drawn.iter_mut().zip(sets) {
                for place in drawn.iter_mut() {
                    *place = set[stream.below(set.len() as u64) as usize];
                }
            }
            statistic(&drawn)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((RESAMPLES - 1) as f64 * share).round() as usize];
    Interval {
        low: at(0.025),
        estimate,
        high: at(0.975),
    }
}

/// The median of one set and its interval.
pub(crate) fn median_interval(values: &[f64], seed: u64) -> Interval {
    bootstrap(&[values], seed, |drawn| median(&drawn[0]))
}

/// Which way a metric is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Good {
    High,
    Low,
}

/// How two sets of trials compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Improved,
    NotDetected,
    Regressed,
    /// Fewer than [`FEWEST`] trials on a side.
    TooFew,
}

impl Change {
    /// The sentence that ends a comparison, in criterion's manner.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Improved => "Performance has improved.",
            Self::NotDetected => "No change in performance detected.",
            Self::Regressed => "Performance has regressed.",
            Self::TooFew => "Too few trials to tell (3 on each side are the least).",
        }
    }
}

/// What a comparison with a baseline comes to: any metric that regressed fails it, and where too few trials are left of the main one,
/// nothing was compared.
pub(crate) fn judge(main: Change, others: &[Change]) -> Exit {
    if main == Change::Regressed || others.contains(&Change::Regressed) {
        Exit::Fail
    } else if main == Change::TooFew {
        Exit::Inconclusive
    } else {
        Exit::Pass
    }
}

/// What is demanded of it: `lenient` lets pass what could not be compared.
pub(crate) fn demanded(compared: Option<Exit>, lenient: bool) -> Exit {
    match compared.unwrap_or(Exit::Inconclusive) {
        Exit::Inconclusive if lenient => Exit::Pass,
        exit => exit,
    }
}

/// New over old, and what it means: a change counts only if the whole interval lies beyond `noise`.
pub(crate) fn compare(
    old: &[f64],
    new: &[f64],
    good: Good,
    noise: f64,
    seed: u64,
) -> (Option<Interval>, Change) {
    if old.len().min(new.len()) < FEWEST
        || old
            .iter()
            .chain(new)
            .any(|value| !value.is_finite() || *value <= 0.0)
    {
        return (None, Change::TooFew);
    }
    let ratio = bootstrap(&[old, new], seed, |drawn| median(&drawn[1]) / median(&drawn[0]));
    let (above, below) = (ratio.low > 1.0 + noise, ratio.high < 1.0 - noise);
    let change = match (good, above, below) {
        (Good::High, true, _) | (Good::Low, _, true) => Change::Improved,
        (Good::High, _, true) | (Good::Low, true, _) => Change::Regressed,
        _ => Change::NotDetected,
    };
    (Some(ratio), change)
}
