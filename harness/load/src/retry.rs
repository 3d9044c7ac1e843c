//! Requests that will be tried again, apart from the schedule so that they cannot delay it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::RetryPolicy;

/// Requests by the time of their next attempt.
#[derive(Debug)]
pub(crate) struct Retries {
    queue: BinaryHeap<Reverse<(u64, u32)>>,
    state: u64,
}

impl Retries {
    /// Room for `capacity` requests, so that adding one never allocates.
    pub(crate) fn new(capacity: usize, seed: u64) -> Self {
        Self {
            queue: BinaryHeap::with_capacity(capacity),
            state: seed,
        }
    }

    pub(crate) fn push(&mut self, at: u64, shot: u32) {
        self.queue.push(Reverse((at, shot)));
    }

    pub(crate) fn earliest(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn pop_due(&mut self, now: u64) -> Option<u32> {
        (self.earliest()? <= now).then(|| self.queue.pop().map(|Reverse((_, shot))| shot))?
    }

    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.queue.pop().map(|Reverse((_, shot))| shot)
    }

    /// Nanoseconds to wait after attempt number `attempts`: doubling, capped, half to one and a half of that.
    pub(crate) fn pause(&mut self, policy: &RetryPolicy, attempts: u16) -> u64 {
        let doublings = u32::from(attempts.saturating_sub(1)).min(20);
        let pause = policy.base.saturating_mul(1 << doublings).min(policy.cap);
        let nanos = (pause.as_nanos() as u64).max(1);
        nanos / 2 + self.draw() % nanos
    }

    /// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Pauses double up to the cap and every draw stays between half and one and a half of it.
    #[test]
    fn pauses_double_up_to_the_cap_with_bounded_jitter() {
        let policy = RetryPolicy {
            base: Duration::from_micros(1),
            cap: Duration::from_micros(6),
            ..RetryPolicy::default()
        };
        let mut retries = Retries::new(0, 7);
        for (attempts, middle) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 6_000), (60, 6_000)] {
            let draws: Vec<u64> = (0..200).map(|_| retries.pause(&policy, attempts)).collect();
            assert!(
                draws.iter().all(|d| (middle / 2..middle * 3 / 2).contains(d)),
                "{attempts}"
            );
            assert!(
                draws.iter().any(|d| *d < middle) && draws.iter().any(|d| *d > middle),
                "{attempts}"
            );
        }
    }
}
