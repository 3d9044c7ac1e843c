//! A pattern becomes stretches of time, each with one law of arrival.

use std::time::Duration;

use tally_model::nanos;

use crate::{Pattern, Rate, Span, Stream};

/// A stretch of time with one law of arrival.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// Evenly spaced requests from `start` to `end`, the first at `start`.
    Even { start: u64, end: u64, rate: Rate },
    /// A straight line of rates.
    Slope {
        start: u64,
        end: u64,
        from: Rate,
        to: Rate,
    },
    /// Exponential gaps.
    Random { start: u64, end: u64, rate: Rate },
}

/// Stretches that a hill is cut into.
const HILL: u64 = 128;

/// The stretches of `pattern` over `span`, in order; `mmpp` draws its changes from `stream`.
pub(crate) fn pieces(pattern: &Pattern, span: Span, stream: &mut Stream) -> Vec<Piece> {
    let (warmup, end) = (
        nanos(span.warmup),
        nanos(span.warmup.saturating_add(span.measure)),
    );
    let even = |start, end, rate| Piece::Even { start, end, rate };
    let random = |start, end, rate| Piece::Random { start, end, rate };
    match *pattern {
        Pattern::Constant { rate } => vec![even(0, end, rate)],
        Pattern::Poisson { rate } => vec![random(0, end, rate)],
        Pattern::Ramp { from, to } => {
            let (start, slope) = (warmup, even(0, warmup, from));
            vec![slope, Piece::Slope { start, end, from, to }]
        }
        Pattern::Burst {
            base,
            peak,
            at,
            length,
        } => {
            let start = warmup.saturating_add(nanos(at)).min(end);
            let stop = start.saturating_add(nanos(length)).min(end);
            vec![
                even(0, start, base),
                even(start, stop, peak),
                even(stop, end, base),
            ]
        }
        Pattern::Step { from, to, at } => {
            let turn = warmup.saturating_add(nanos(at)).min(end);
            vec![random(0, turn, from), random(turn, end, to)]
        }
        Pattern::Hill { base, peak } => hill(warmup, end, base, peak),
        Pattern::Square { base, peak, period } => square(warmup, end, [base, peak], period),
        Pattern::Mmpp {
            base,
            peak,
            calm,
            storm,
        } => mmpp(end, [(base, calm), (peak, storm)], stream),
        Pattern::Trace { ref counts, bucket } => trace(warmup, end, counts, nanos(bucket)),
        Pattern::Closed { .. } => Vec::new(),
    }
}

/// `4x(1-x)` of the way from `base` to `peak` in the middle of each of [`HILL`] stretches.
fn hill(warmup: u64, end: u64, base: Rate, peak: Rate) -> Vec<Piece> {
    let length = u128::from(end.saturating_sub(warmup));
    let edge = |i: u64| warmup + (length * u128::from(i) / u128::from(HILL)) as u64;
    let stretch = |i: u64| {
        // x = (2i + 1) / 2N, so 4x(1-x) = (2i + 1)(2N - 2i - 1) / N^2.
        let up = u128::from(2 * i + 1) * u128::from(2 * HILL - 2 * i - 1);
        let far = u128::from(base.micro().abs_diff(peak.micro())) * up / u128::from(HILL * HILL);
        let far = u64::try_from(far).unwrap_or(u64::MAX);
        let micro = if peak >= base {
            base.micro().saturating_add(far)
        } else {
            base.micro().saturating_sub(far)
        };
        Piece::Random {
            start: edge(i),
            end: edge(i + 1),
            rate: Rate::from_micro(micro),
        }
    };
    let start = Piece::Random {
        start: 0,
        end: warmup,
        rate: base,
    };
    std::iter::once(start).chain((0..HILL).map(stretch)).collect()
}

fn square(warmup: u64, end: u64, rates: [Rate; 2], period: Duration) -> Vec<Piece> {
    let half = (nanos(period) / 2).max(1);
    let mut pieces = vec![Piece::Random {
        start: 0,
        end: warmup,
        rate: rates[0],
    }];
    let mut start = warmup;
    for turn in 0.. {
        if start >= end {
            break;
        }
        let stop = start.saturating_add(half).min(end);
        let rate = rates[turn % 2];
        pieces.push(Piece::Random {
            start,
            end: stop,
            rate,
        });
        start = stop;
    }
    pieces
}

/// Exponential stays in two states in turn.
fn mmpp(end: u64, states: [(Rate, Duration); 2], stream: &mut Stream) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for turn in 0.. {
        if start >= end {
            break;
        }
        let (rate, mean) = states[turn % 2];
        let stay = (u128::from(nanos(mean)) * u128::from(stream.exponential())) >> 32;
        let stay = u64::try_from(stay).unwrap_or(u64::MAX).max(1);
        let stop = start.saturating_add(stay).min(end);
        pieces.push(Piece::Random {
            start,
            end: stop,
            rate,
        });
        start = stop;
    }
    pieces
}

fn trace(warmup: u64, end: u64, counts: &[u32], bucket: u64) -> Vec<Piece> {
    let rate = |count: u32| {
        let micro = u128::from(count) * 1_000_000_000_000_000 / u128::from(bucket.max(1));
        Rate::from_micro(u64::try_from(micro).unwrap_or(u64::MAX))
    };
    let first = counts.first().copied().unwrap_or_default();
    let mut pieces = vec![Piece::Random {
        start: 0,
        end: warmup,
        rate: rate(first),
    }];
    let mut start = warmup;
    for &count in counts {
        let stop = start.saturating_add(bucket.max(1)).min(end);
        pieces.push(Piece::Random {
            start,
            end: stop,
            rate: rate(count),
        });
        start = stop;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Arrivals;

    const SPAN: Span = Span {
        warmup: Duration::from_secs(10),
        measure: Duration::from_secs(400),
    };

    fn rate(n: u64) -> Rate {
        Rate::per_second(n)
    }

    /// Requests in each stretch of `seconds`, from the start of the trial on.
    fn counts(pattern: &Pattern, seconds: u64) -> Vec<usize> {
        let due: Vec<u64> = Arrivals::new(pattern, SPAN, Stream::new(5, "load", "arrivals")).collect();
        assert!(due.is_sorted());
        let mut counts = vec![0; (410 / seconds) as usize];
        for due in due {
            counts[(due / (seconds * 1_000_000_000)) as usize] += 1;
        }
        counts
    }

    /// True if a Poisson count of this mean would hardly ever be so far off.
    fn is_about(count: usize, mean: f64) -> bool {
        (count as f64 - mean).abs() <= 4.5 * mean.sqrt() + 1.0
    }

    /// Every random pattern has the rates it names where it names them, and announces its number of requests.
    #[test]
    fn random_patterns_have_their_rates_at_their_times() {
        let step = Pattern::Step {
            from: rate(20),
            to: rate(80),
            at: Duration::from_secs(190),
        };
        let seen = counts(&step, 10);
        assert!(seen[..20].iter().all(|n| is_about(*n, 200.0)), "{seen:?}");
        assert!(seen[20..].iter().all(|n| is_about(*n, 800.0)), "{seen:?}");
        let square = Pattern::Square {
            base: rate(10),
            peak: rate(100),
            period: Duration::from_secs(20),
        };
        let seen = counts(&square, 10);
        let means = (0..41).map(|i| if i > 0 && i % 2 == 0 { 1_000.0 } else { 100.0 });
        assert!(
            seen.iter().zip(means).all(|(n, mean)| is_about(*n, mean)),
            "{seen:?}"
        );
        let trace = Pattern::Trace {
            counts: vec![100, 0, 700, 50],
            bucket: Duration::from_secs(10),
        };
        let seen = counts(&trace, 10);
        assert!(
            is_about(seen[1], 100.0) && seen[2] == 0 && is_about(seen[3], 700.0),
            "{seen:?}"
        );
        assert_eq!(seen[5..], [0; 36]);
        let hill = Pattern::Hill {
            base: rate(10),
            peak: rate(110),
        };
        let seen = counts(&hill, 10);
        assert!(
            is_about(seen[0], 100.0) && is_about(seen[20], 1_099.0) && seen[40] < 200,
            "{seen:?}"
        );
        for pattern in [step, square, hill] {
            let total: usize = counts(&pattern, 10).iter().sum();
            let announced = pattern.expected_requests(SPAN.warmup, SPAN.measure);
            assert!(
                is_about(total, announced as f64),
                "{pattern:?}: {total}, announced {announced}"
            );
        }
    }

    /// Two states: the mean rate is that of both by their stays, and counts scatter more than independent arrivals would.
    #[test]
    fn an_mmpp_is_burstier_than_poisson() {
        let pattern = Pattern::Mmpp {
            base: rate(10),
            peak: rate(90),
            calm: Duration::from_secs(6),
            storm: Duration::from_secs(2),
        };
        assert_eq!(
            pattern.expected_requests(Duration::ZERO, Duration::from_secs(100)),
            3_000
        );
        let seen = counts(&pattern, 1);
        let mean = seen.iter().sum::<usize>() as f64 / seen.len() as f64;
        let variance = seen.iter().map(|n| (*n as f64 - mean).powi(2)).sum::<f64>() / seen.len() as f64;
        assert!((20.0..40.0).contains(&mean), "{mean}");
        assert!(variance > 10.0 * mean, "{variance} at {mean}");
    }
}
