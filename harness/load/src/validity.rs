//! When a measurement may be believed.

use std::time::Duration;

/// Lag that is always tolerated.
pub const LAG_FLOOR: Duration = Duration::from_millis(5);

/// The lag p99.9 beyond which a trial with this latency p99 is void: the larger of 5 ms and a tenth of the latency.
pub fn lag_bound(latency_p99: Duration) -> Duration {
    LAG_FLOOR.max(latency_p99 / 10)
}

/// Whether the generator kept its schedule well enough for the trial to count. A void trial is not a slow platform.
pub fn is_valid(lag_p999: Duration, latency_p99: Duration) -> bool {
    lag_p999 <= lag_bound(latency_p99)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound is the larger of the two terms and includes itself.
    #[test]
    fn a_trial_is_void_beyond_five_milliseconds_or_a_tenth_of_its_latency() {
        for (lag_us, latency_ms, valid) in [
            (0, 0, true),
            (5_000, 1, true),
            (5_001, 1, false),
            (5_001, 50, false),
            (10_000, 100, true),
            (10_001, 100, false),
        ] {
            let lag = Duration::from_micros(lag_us);
            let latency = Duration::from_millis(latency_ms);
            assert_eq!(is_valid(lag, latency), valid, "{lag:?} at {latency:?}");
        }
    }
}
