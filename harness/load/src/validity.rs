//! When a measurement may be believed.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Lag that is always tolerated.
pub const LAG_FLOOR: Duration = Duration::from_millis(5);

/// The lag that a send may have in a trial with this latency p99: the larger of 5 ms and a tenth of the latency.
pub fn lag_bound(latency_p99: Duration) -> Duration {
    LAG_FLOOR.max(latency_p99 / 10)
}

/// How many of the sends in `lag`, nanoseconds each, were later than `bound`.
pub fn sent_beyond(lag: &Histogram<u64>, bound: Duration) -> u64 {
    let bound = bound.as_nanos() as u64;
    lag.count_between(lag.next_non_equivalent(bound), u64::MAX)
}

/// Whether the generator kept its schedule well enough for the trial to count. A void trial is not a slow platform.
///
/// It did if its lag p99.9 is within the [`lag_bound`]. Of fewer than a thousand sends that percentile is the slowest of
/// them, so there one may be later: a pause of the machine that met a single request moves no percentile that is shown.
pub fn is_valid(lag: &Histogram<u64>, latency_p99: Duration) -> bool {
    sent_beyond(lag, lag_bound(latency_p99)) <= (lag.len() / 1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(lags_us: &[(u64, u64)], latency_ms: u64) -> bool {
        let mut lag = crate::tally::nanos_histogram();
        for (micros, times) in lags_us {
            lag.record_n(micros * 1000, *times).unwrap();
        }
        is_valid(&lag, Duration::from_millis(latency_ms))
    }

    /// The bound is the larger of the two terms.
    #[test]
    fn a_trial_is_void_beyond_five_milliseconds_or_a_tenth_of_its_latency() {
        for (lag_us, latency_ms, is_kept) in [
            (0, 0, true),
            (4_990, 1, true),
            (5_010, 1, false),
            (5_010, 50, false),
            (9_980, 100, true),
            (10_020, 100, false),
        ] {
            assert_eq!(
                valid(&[(lag_us, 10)], latency_ms),
                is_kept,
                "{lag_us} us at {latency_ms} ms"
            );
        }
    }

    /// One in a thousand may be late; of fewer, one.
    #[test]
    fn one_late_send_in_a_thousand_is_no_void_trial() {
        for (in_time, late, is_kept) in [
            (631, 1, true),
            (631, 2, false),
            (1_998, 2, true),
            (1_996, 2, false),
            (9_990, 10, true),
            (9_989, 11, false),
        ] {
            assert_eq!(
                valid(&[(10, in_time), (15_800, late)], 124),
                is_kept,
                "{late} of {in_time}"
            );
        }
    }
}
