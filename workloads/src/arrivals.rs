//! A pattern and a length become due times in integer nanoseconds.

use std::time::Duration;

use crate::course::{self, Piece};
use crate::{Pattern, Rate, Stream};

/// Nanoseconds in a second times the millionths of a rate: `i * SCALE / micro` is the due time of request `i`.
const SCALE: u128 = 1_000_000_000_000_000;

/// The two phases in which requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Length of the warm-up.
    pub warmup: Duration,
    /// Length of the measure phase.
    pub measure: Duration,
}

/// Due times of one load in nanoseconds since the start of the trial, never decreasing. Empty for `closed`.
#[derive(Clone, Debug)]
pub struct Arrivals {
    pieces: Vec<Piece>,
    piece: usize,
    /// Requests made by the current piece.
    made: u64,
    /// The last due time of a random piece.
    last: u64,
    stream: Stream,
}

impl Arrivals {
    /// The arrivals of `pattern` over `span`; only random ones read `stream`.
    pub fn new(pattern: &Pattern, span: Span, mut stream: Stream) -> Self {
        let pieces = course::pieces(pattern, span, &mut stream);
        Self {
            pieces,
            piece: 0,
            made: 0,
            last: 0,
            stream,
        }
    }
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            let piece = *self.pieces.get(self.piece)?;
            let due = match piece {
                Piece::Even { start, end, rate } => even(start, rate, self.made).filter(|due| *due < end),
                Piece::Slope { start, end, from, to } => {
                    slope(start, end, from, to, self.made).filter(|due| *due < end)
                }
                Piece::Random { start, end, rate } => {
                    let from = if self.made == 0 { start } else { self.last };
                    gap(rate, &mut self.stream)
                        .and_then(|gap| from.checked_add(gap))
                        .filter(|due| *due < end)
                }
            };
            if let Some(due) = due {
                self.made += 1;
                self.last = due;
                return Some(due);
            }
            self.piece += 1;
            self.made = 0;
        }
    }
}

/// Due time of request `i`, computed from the start every time so that no error accumulates.
fn even(start: u64, rate: Rate, i: u64) -> Option<u64> {
    let offset = (u128::from(i) * SCALE).checked_div(u128::from(rate.micro()))?;
    start.checked_add(u64::try_from(offset).ok()?)
}

fn gap(rate: Rate, stream: &mut Stream) -> Option<u64> {
    let mean = SCALE.checked_div(u128::from(rate.micro()))?;
    u64::try_from((mean * u128::from(stream.exponential())) >> 32).ok()
}

/// Request `i` is due when the area under the line reaches `i`: `from*t + (to-from)*t*t/(2*T) = i`.
///
/// Solved for `t` in the numerically stable form `t = 2i / (from + sqrt(from^2 + 2i(to-from)/T))`, which needs no
/// distinction between rising, falling and level lines. Rates are scaled so that the root is an integer root.
fn slope(start: u64, end: u64, from: Rate, to: Rate, i: u64) -> Option<u64> {
    if i == 0 {
        return (from.micro() > 0 || to.micro() > 0).then_some(start);
    }
    let length = u128::from(end.checked_sub(start)?);
    // Requests per second times 10^6 (`micro`); the square of it in units of 10^-12.
    let (from, to) = (u128::from(from.micro()), u128::from(to.micro()));
    // 2 i (to-from) / T with T in seconds, in the same units: 2 i * d * 10^6 * 10^9 / T_ns.
    let swing = (2 * u128::from(i))
        .checked_mul(from.abs_diff(to))?
        .checked_mul(SCALE)?
        .checked_div(length)?;
    let square = from * from;
    let under = if to >= from {
        square.checked_add(swing)?
    } else {
        square.checked_sub(swing)?
    };
    // Twelve more bits under the root keep the due time exact to well under a microsecond at the slowest rates.
    let root = (under << 12).isqrt();
    let denominator = (from << 6) + root;
    let offset = ((2 * u128::from(i)).checked_mul(SCALE)? << 6).checked_div(denominator)?;
    start.checked_add(u64::try_from(offset).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pattern: Pattern, warmup: u64, measure: u64) -> Vec<u64> {
        let span = Span {
            warmup: Duration::from_secs(warmup),
            measure: Duration::from_secs(measure),
        };
        Arrivals::new(&pattern, span, Stream::new(1, "load", "arrivals")).collect()
    }

    fn between(due: &[u64], from: u64, to: u64) -> usize {
        due.iter()
            .filter(|d| (from * 1_000_000_000..to * 1_000_000_000).contains(*d))
            .count()
    }

    /// A constant rate does not drift, also where a period is not a whole number of nanoseconds.
    #[test]
    fn constant_arrivals_do_not_drift() {
        let due = of(
            Pattern::Constant {
                rate: Rate::per_second(3),
            },
            0,
            100_000,
        );
        assert_eq!(due.len(), 300_000);
        assert!((0..100_000).all(|second| due[3 * second] == second as u64 * 1_000_000_000));
    }

    /// A burst has its base rate before and after and its peak rate inside its window, counted after the warm-up.
    #[test]
    fn a_burst_peaks_in_its_window_only() {
        let (base, peak) = (Rate::per_second(20), Rate::per_second(400));
        let pattern = Pattern::Burst {
            base,
            peak,
            at: Duration::from_secs(3),
            length: Duration::from_secs(2),
        };
        let due = of(pattern, 2, 10);
        assert_eq!(between(&due, 0, 5), 100);
        assert_eq!(between(&due, 5, 7), 800);
        assert_eq!(between(&due, 7, 12), 100);
    }

    /// Up, down and level ramps make the area under their line, and half of the time makes its own area.
    #[test]
    fn ramps_follow_their_line() {
        for (from, to) in [(0, 100), (100, 0), (50, 50), (10, 200), (200, 10)] {
            let due = of(
                Pattern::Ramp {
                    from: Rate::per_second(from),
                    to: Rate::per_second(to),
                },
                0,
                10,
            );
            let area = (from + to) * 5;
            let half = (from + u64::midpoint(from, to)) * 5 / 2;
            assert!(
                due.len().abs_diff(area as usize) <= 1,
                "{from} {to}: {} of {area}",
                due.len()
            );
            assert!(between(&due, 0, 5).abs_diff(half as usize) <= 2, "{from} {to}");
        }
    }

    /// Poisson arrivals have their mean rate, and as much variance as mean.
    #[test]
    fn poisson_counts_have_equal_mean_and_variance() {
        let due = of(
            Pattern::Poisson {
                rate: Rate::per_second(50),
            },
            0,
            2_000,
        );
        let counts: Vec<f64> = (0..2_000).map(|s| between(&due[..], s, s + 1) as f64).collect();
        let mean = counts.iter().sum::<f64>() / 2_000.0;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 2_000.0;
        assert!((mean - 50.0).abs() < 1.0, "{mean}");
        assert!((variance / mean - 1.0).abs() < 0.15, "{variance}");
    }

    /// Closed loads have no arrivals of their own, and a rate of zero has none either.
    #[test]
    fn nothing_arrives_where_nothing_is_asked_for() {
        assert!(
            of(
                Pattern::Closed {
                    users: 5,
                    think: Duration::ZERO
                },
                1,
                1
            )
            .is_empty()
        );
        assert!(
            of(
                Pattern::Constant {
                    rate: Rate::default()
                },
                1,
                1
            )
            .is_empty()
        );
        assert!(
            of(
                Pattern::Poisson {
                    rate: Rate::default()
                },
                1,
                1
            )
            .is_empty()
        );
        assert!(
            of(
                Pattern::Ramp {
                    from: Rate::default(),
                    to: Rate::default()
                },
                1,
                1
            )
            .is_empty()
        );
    }

    proptest! {
        /// Whatever the rates: due times never decrease, end before the drain, and are as many as announced.
        #[test]
        fn arrivals_are_ordered_bounded_and_as_many_as_announced(
            a in 0_u64..2_000_000_000, b in 0_u64..2_000_000_000, at in 0_u64..4_000, length in 1_u64..4_000,
        ) {
            let (a, b) = (Rate::from_micro(a), Rate::from_micro(b));
            let span = Span { warmup: Duration::from_millis(500), measure: Duration::from_secs(4) };
            let (at, length) = (Duration::from_millis(at), Duration::from_millis(length));
            for pattern in [
                Pattern::Constant { rate: a },
                Pattern::Ramp { from: a, to: b },
                Pattern::Burst { base: a, peak: b, at, length: length.min(span.measure.saturating_sub(at)) },
                Pattern::Poisson { rate: a },
            ] {
                let due: Vec<u64> = Arrivals::new(&pattern, span, Stream::new(1, "x", "y")).collect();
                prop_assert!(due.is_sorted());
                prop_assert!(due.last().is_none_or(|last| *last < 4_500_000_000));
                if !matches!(pattern, Pattern::Poisson { .. }) {
                    let expected = pattern.expected_requests(span.warmup, span.measure);
                    prop_assert!(expected.abs_diff(due.len() as u64) <= 3, "{pattern:?} {expected} {}", due.len());
                }
            }
        }
    }
}
