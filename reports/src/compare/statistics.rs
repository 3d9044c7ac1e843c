//! Statistics over trials: medians with exact intervals, and shifts between two arms with exact intervals. No distribution is
//! assumed, nothing is drawn, so the same values give the same interval.
//!
//! Sources: Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods* (3rd ed.), 3.1 to 3.3 (signed ranks: Hodges and
//! Lehmann's estimate, Tukey's interval), 3.6 (order statistics), 4.1 to 4.3 (rank sums: Moses' interval).

use serde::{Deserialize, Serialize};

/// What may lie outside of an interval on one side: intervals hold 95 %.
const TAIL: f64 = 0.025;
/// Above this many trials the normal distribution stands in for the exact one.
const EXACT: usize = 50;
/// Quantile of the normal distribution that leaves [`TAIL`] above.
const NORMAL: f64 = 1.959_964;

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Both ends changed.
    pub(crate) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            low: change(self.low),
            high: change(self.high),
        }
    }
}

/// By how much one arm lies above another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    /// Hodges and Lehmann's estimate.
    pub(crate) estimate: f64,
    /// Its interval; none if there are too few trials for 95 %.
    pub(crate) interval: Option<Interval>,
}

/// The middle value, or the mean of both; none of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[last / 2], sorted[sorted.len() / 2]))
}

/// The interval of a median by order statistics: at least 95 %, whatever the distribution; none below six values.
pub fn median_interval(values: &[f64]) -> Option<Interval> {
    let sorted = sorted(values);
    let n = sorted.len();
    let mut chance = 0.5f64.powi(n as i32);
    let (mut below, mut skipped) = (chance, 0);
    while below <= TAIL {
        skipped += 1;
        chance *= (n + 1 - skipped) as f64 / skipped as f64;
        below += chance;
    }
    // `skipped` values at either end lie outside.
    let low = skipped.checked_sub(1)?;
    Some(Interval {
        low: sorted[low],
        high: sorted[n - 1 - low],
    })
}

/// The shift of paired differences by Wilcoxon's signed ranks; none without pairs.
pub(crate) fn paired(differences: &[f64]) -> Option<Shift> {
    let mut averages = Vec::with_capacity(differences.len() * (differences.len() + 1) / 2);
    for (index, one) in differences.iter().enumerate() {
        averages.extend(
            differences[index..]
                .iter()
                .map(|other| f64::midpoint(*one, *other)),
        );
    }
    let outside = signed_ranks_outside(differences.len());
    shift(averages, outside)
}

/// The shift from `base` to `other`, trials of which do not belong together, by Mann and Whitney's rank sum; none without trials.
pub(crate) fn unpaired(base: &[f64], other: &[f64]) -> Option<Shift> {
    let differences = base
        .iter()
        .flat_map(|base| other.iter().map(move |other| other - base));
    let outside = rank_sums_outside(base.len(), other.len());
    shift(differences.collect(), outside)
}

/// Median and interval of all `differences`, of which `outside` at either end are cut off; no interval without one.
fn shift(differences: Vec<f64>, outside: Option<usize>) -> Option<Shift> {
    let sorted = sorted(&differences);
    let estimate = median(&sorted)?;
    let interval = outside.map(|outside| Interval {
        low: sorted[outside],
        high: sorted[sorted.len() - 1 - outside],
    });
    Some(Shift { estimate, interval })
}

/// The largest c with P(T+ <= c) <= 2.5 % of `n` signed ranks; none if not even 0 is that rare.
fn signed_ranks_outside(n: usize) -> Option<usize> {
    let largest = n * (n + 1) / 2;
    if n > EXACT {
        let variance = largest as f64 * (2 * n + 1) as f64 / 12.0;
        return rare_normal(largest as f64 / 2.0, variance);
    }
    // Each rank is positive or not: sums of subsets of 1..=n.
    let mut ways = vec![0.0; largest + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..=largest).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    rare(&ways)
}

/// The largest c with P(U <= c) <= 2.5 % of rank sums of `m` and `n` values; none if not even 0 is that rare.
fn rank_sums_outside(m: usize, n: usize) -> Option<usize> {
    if m == 0 || n == 0 {
        return None;
    }
    if m > EXACT || n > EXACT {
        let (m, n) = (m as f64, n as f64);
        return rare_normal(m * n / 2.0, m * n * (m + n + 1.0) / 12.0);
    }
    // Orders of the first i and j values by their sum: the largest belongs to the first, above all j, or to the second.
    let mut rows: Vec<Vec<f64>> = vec![vec![1.0]; n + 1];
    for i in 1..=m {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for j in 1..=n {
            let mut ways = vec![0.0; i * j + 1];
            for (sum, count) in rows[j].iter().enumerate() {
                ways[sum + j] += count;
            }
            for (sum, count) in next[j - 1].iter().enumerate() {
                ways[sum] += count;
            }
            next.push(ways);
        }
        rows = next;
    }
    rare(&rows[n])
}

fn rare(ways: &[f64]) -> Option<usize> {
    let all: f64 = ways.iter().sum();
    let mut below = 0.0;
    let more = ways.iter().take_while(|count| {
        below += **count / all;
        below <= TAIL
    });
    more.count().checked_sub(1)
}

fn rare_normal(mean: f64, variance: f64) -> Option<usize> {
    Some((mean - NORMAL * variance.sqrt() - 0.5).floor().max(0.0) as usize)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
#[path = "statistics/tests.rs"]
mod tests;
