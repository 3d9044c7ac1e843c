//! When requests come: the patterns an experiment file can name.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Requests per time, exact to a millionth of a request per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate {
    micro_per_second: u64,
}

impl Rate {
    /// The fastest rate a plan accepts, 1,000,000/s.
    pub const MAX: Self = Self::per_second(1_000_000);

    /// `n` requests per second.
    pub const fn per_second(n: u64) -> Self {
        Self {
            micro_per_second: n.saturating_mul(1_000_000),
        }
    }

    /// From millionths of a request per second.
    pub const fn from_micro(micro_per_second: u64) -> Self {
        Self { micro_per_second }
    }

    /// In millionths of a request per second.
    pub const fn micro(self) -> u64 {
        self.micro_per_second
    }

    /// Requests in `length`, rounded up.
    pub fn requests_in(self, length: Duration) -> u64 {
        let exact = u128::from(self.micro_per_second) * length.as_nanos();
        u64::try_from(exact.div_ceil(1_000_000_000_000_000)).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (
            self.micro_per_second / 1_000_000,
            self.micro_per_second % 1_000_000,
        );
        if rest == 0 {
            return write!(f, "{whole}/s");
        }
        let digits = format!("{rest:06}");
        write!(f, "{whole}.{}/s", digits.trim_end_matches('0'))
    }
}

/// How requests of one load arrive. All but `closed` are open loop: fixed before the run, whatever the platform does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "lowercase")]
pub enum Pattern {
    /// Evenly spaced.
    Constant {
        /// How many per time.
        rate: Rate,
    },
    /// `from` during the warm-up, then a straight line to `to` over the measure phase.
    Ramp {
        /// Rate at the start of the measure phase.
        from: Rate,
        /// Rate at its end.
        to: Rate,
    },
    /// `base` always, `peak` during one window.
    Burst {
        /// Rate outside the window.
        base: Rate,
        /// Rate inside the window.
        peak: Rate,
        /// Start of the window, from the start of the measure phase.
        at: Duration,
        /// Length of the window.
        length: Duration,
    },
    /// Independent arrivals: exponential gaps.
    Poisson {
        /// The mean rate.
        rate: Rate,
    },
    /// At random: `from` up to one moment, `to` from there on.
    Step {
        /// Mean rate before.
        from: Rate,
        /// Mean rate after.
        to: Rate,
        /// The moment, from the start of the measure phase.
        at: Duration,
    },
    /// At random: `base` during the warm-up, then a parabola over the measure phase that reaches `peak` in its middle.
    Hill {
        /// Mean rate at both ends.
        base: Rate,
        /// Mean rate in the middle.
        peak: Rate,
    },
    /// At random: `base` and `peak` take turns in the measure phase, `base` first.
    Square {
        /// Mean rate of the first half of each period.
        base: Rate,
        /// Mean rate of the second half.
        peak: Rate,
        /// Length of a period.
        period: Duration,
    },
    /// A Markov-modulated Poisson process of two states: random arrivals whose mean rate changes at random moments.
    Mmpp {
        /// Mean rate of the state at the start.
        base: Rate,
        /// Mean rate of the other state.
        peak: Rate,
        /// Mean length of a stay in the first state.
        calm: Duration,
        /// Mean length of a stay in the other.
        storm: Duration,
    },
    /// At random, with the mean rates of a recorded trace; the first one also during the warm-up.
    Trace {
        /// Requests of each stretch of the trace.
        counts: Vec<u32>,
        /// How long a stretch is played; what is left of the measure phase after the last one is silent.
        bucket: Duration,
    },
    /// A number of users, each waits for its answer, thinks, and asks again.
    Closed {
        /// How many.
        users: u32,
        /// Between an answer and the next request of the same user.
        think: Duration,
    },
}

impl Pattern {
    /// The name used in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Ramp { .. } => "ramp",
            Self::Burst { .. } => "burst",
            Self::Poisson { .. } => "poisson",
            Self::Step { .. } => "step",
            Self::Hill { .. } => "hill",
            Self::Square { .. } => "square",
            Self::Mmpp { .. } => "mmpp",
            Self::Trace { .. } => "trace",
            Self::Closed { .. } => "closed",
        }
    }

    /// Requests in a warm-up and a measure phase: exact where arrivals are even, the mean where they are random; 0 for
    /// `closed`.
    pub fn expected_requests(&self, warmup: Duration, measure: Duration) -> u64 {
        let total = warmup.saturating_add(measure);
        match *self {
            Self::Constant { rate } | Self::Poisson { rate } => rate.requests_in(total),
            Self::Ramp { from, to } => {
                let middle = Rate::from_micro(u64::midpoint(from.micro(), to.micro()));
                from.requests_in(warmup)
                    .saturating_add(middle.requests_in(measure))
            }
            Self::Burst {
                base, peak, length, ..
            } => {
                let outside = total.saturating_sub(length);
                base.requests_in(outside).saturating_add(peak.requests_in(length))
            }
            Self::Step { from, to, at } => {
                let at = at.min(measure);
                let before = from.requests_in(warmup.saturating_add(at));
                before.saturating_add(to.requests_in(measure.saturating_sub(at)))
            }
            // A parabola has two thirds of the area of the rectangle around it.
            Self::Hill { base, peak } => {
                let (base, peak) = (base.micro(), peak.micro());
                let mean = Rate::from_micro(base / 3 + peak / 3 * 2);
                let start = Rate::from_micro(base).requests_in(warmup);
                start.saturating_add(mean.requests_in(measure))
            }
            Self::Square { base, peak, .. } => {
                let mean = Rate::from_micro(u64::midpoint(base.micro(), peak.micro()));
                base.requests_in(warmup).saturating_add(mean.requests_in(measure))
            }
            Self::Mmpp {
                base,
                peak,
                calm,
                storm,
            } => {
                let sum = |rate: Rate, stay: Duration| u128::from(rate.micro()) * stay.as_micros();
                let whole = calm.saturating_add(storm).as_micros().max(1);
                let mean = sum(base, calm).saturating_add(sum(peak, storm)) / whole;
                Rate::from_micro(u64::try_from(mean).unwrap_or(u64::MAX)).requests_in(total)
            }
            Self::Trace { ref counts, bucket } => {
                let played = measure.as_nanos() / bucket.as_nanos().max(1);
                let played = usize::try_from(played).unwrap_or(usize::MAX);
                counts.iter().take(played).map(|count| u64::from(*count)).sum()
            }
            Self::Closed { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rate prints as it would be written, without trailing zeros.
    #[test]
    fn rates_print_in_the_form_of_the_file() {
        assert_eq!(Rate::per_second(400).to_string(), "400/s");
        assert_eq!(Rate::from_micro(500_000).to_string(), "0.5/s");
        assert_eq!(Rate::from_micro(16_666).to_string(), "0.016666/s");
    }

    /// A pattern survives serialisation-free comparison of its parts: the burst adds its peak once.
    #[test]
    fn a_burst_counts_its_window_once() {
        let burst = Pattern::Burst {
            base: Rate::per_second(10),
            peak: Rate::per_second(100),
            at: Duration::from_secs(2),
            length: Duration::from_secs(1),
        };
        assert_eq!(
            burst.expected_requests(Duration::from_secs(1), Duration::from_secs(5)),
            5 * 10 + 100
        );
    }
}
