//! Waits between attempts that fail.

use std::time::Duration;

use tally_model::Instant;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles from 50 ms to 5 s with every failure in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Instant,
}

impl Backoff {
    /// Notes a failure.
    pub(super) fn fail(&mut self, now: Instant) {
        let wait = SHORTEST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.until = now + wait;
    }

    /// Notes a failure that trying again soon will not help.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.until = now + LONGEST;
    }

    /// When the next attempt may be made.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However often it fails, the next attempt is between 50 ms and 5 s away.
    #[test]
    fn the_wait_is_bounded_on_both_sides() {
        let mut backoff = Backoff::default();
        let mut last = Duration::ZERO;
        for _ in 0..100 {
            backoff.fail(Instant::ZERO);
            let wait = backoff.until().since(Instant::ZERO);
            assert!((SHORTEST..=LONGEST).contains(&wait) && wait >= last);
            last = wait;
        }
        assert_eq!(last, LONGEST);
    }
}
