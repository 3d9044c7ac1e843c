//! How long to wait before something is tried again.

use std::time::Duration;

use rand::RngExt;

/// Rounds for entries of a batch that fail alone, the first included. The SDK has tried each call that failed as a whole
/// three times already.
pub(crate) const ROUNDS: u32 = 4;
/// The longest pause before the second round; it doubles with each.
const PAUSE: Duration = Duration::from_millis(50);

/// Full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015): many callers that failed
/// together do not come back together.
pub(crate) fn pause(round: u32) -> Duration {
    let longest = PAUSE * 2_u32.saturating_pow(round.min(8));
    longest.mul_f64(rand::rng().random_range(0.0..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: a pause is never longer than its round allows.
    #[test]
    fn pauses_are_bounded() {
        for round in 0..20 {
            let longest = PAUSE * 2_u32.pow(round.min(8));
            assert!((0..100).all(|_| pause(round) <= longest), "round {round}");
        }
    }
}
