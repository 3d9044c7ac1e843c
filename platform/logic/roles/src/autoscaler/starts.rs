//! How long sets take to start.

use std::collections::VecDeque;
use std::time::Duration;

/// The newest starts of one layer.
#[derive(Debug, Default)]
pub(super) struct Starts(VecDeque<Duration>);

impl Starts {
    /// Starts that are remembered.
    const MOST: usize = 64;

    pub(super) fn add(&mut self, took: Duration) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(took);
    }

    /// The smallest of them that nine in ten do not exceed; none without any.
    pub(super) fn slow(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * 9).div_ceil(10);
        sorted.get(rank.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nine in ten of the newest 64 starts took at most as long; old ones are forgotten.
    #[test]
    fn the_slow_start_is_that_of_nine_in_ten() {
        let mut starts = Starts::default();
        assert_eq!(starts.slow(), None);
        for millis in 1..=10 {
            starts.add(Duration::from_millis(millis));
        }
        assert_eq!(starts.slow(), Some(Duration::from_millis(9)));
        for _ in 0..64 {
            starts.add(Duration::from_millis(3));
        }
        assert_eq!(starts.slow(), Some(Duration::from_millis(3)));
    }
}
