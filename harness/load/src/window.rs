//! How long to spin before a due time, and how much of a CPU that may cost.

use crate::Spin;

/// Beyond 95 % of a second the kernel takes a real-time thread off its CPU for 50 ms; this keeps clear of that.
const MOST_BUSY: u64 = 88;
const RELAXED: u64 = 75;
/// Short enough that a forced nap is short too.
const SLICE: u64 = 10_000_000;
const SHORTEST: u64 = 8_000;

/// The spin window, learned from wake-ups and held under the duty limit.
#[derive(Debug)]
pub(crate) struct Window {
    spin: Spin,
    learned: u64,
    cap: u64,
    widest: u64,
    slice_start: u64,
    asleep: u64,
}

impl Window {
    pub(crate) fn new(spin: Spin) -> Self {
        let widest = match spin {
            Spin::Off => 0,
            Spin::Fixed(window) | Spin::Adaptive(window) => window.as_nanos() as u64,
        };
        Self {
            spin,
            learned: widest,
            cap: widest,
            widest,
            slice_start: 0,
            asleep: 0,
        }
    }

    /// Nanoseconds before the due time at which to stop sleeping.
    pub(crate) fn nanos(&self) -> u64 {
        match self.spin {
            Spin::Off => 0,
            Spin::Fixed(_) => self.cap,
            Spin::Adaptive(_) => self.learned.min(self.cap),
        }
    }

    /// A sleep of `slept` ended; `overshoot` is how far past its time, if it was the timer that ended it.
    pub(crate) fn woke(&mut self, slept: u64, overshoot: Option<u64>) {
        self.asleep += slept;
        if let Some(late) = overshoot {
            // Rises at once, falls by 1/512 per wake-up: about the p99.8 of recent wake-ups.
            let faded = self.learned - self.learned / 512;
            self.learned = faded
                .max(late + late / 8)
                .clamp(SHORTEST.min(self.widest), self.widest);
        }
    }

    /// Closes a slice when one is over; the nap in nanoseconds that a thread of real-time class must take now, if any.
    pub(crate) fn settle(&mut self, now: u64) -> Option<u64> {
        let elapsed = now.saturating_sub(self.slice_start);
        if elapsed < SLICE {
            return None;
        }
        let busy = 100 - (self.asleep.min(elapsed) * 100 / elapsed);
        self.slice_start = now;
        self.asleep = 0;
        if busy > MOST_BUSY {
            let exhausted = self.cap < 1_000;
            self.cap /= 2;
            return exhausted.then_some(elapsed * (100 - MOST_BUSY) / 100);
        }
        if busy < RELAXED {
            self.cap = (self.cap + self.cap / 4 + 500).min(self.widest);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A thread that never sleeps first gives up spinning and then is made to nap at least the reserve.
    #[test]
    fn a_thread_that_never_sleeps_is_made_to_nap() {
        let mut window = Window::new(Spin::Adaptive(Duration::from_micros(60)));
        let mut napped = 0;
        for slice in 1..=100u64 {
            napped += window.settle(slice * SLICE).unwrap_or(0);
        }
        assert_eq!(window.nanos(), 0);
        assert!(napped >= 90 * SLICE / 10, "{napped} ns of naps in 100 slices");
    }

    /// The window is as wide as wake-ups are late, never wider than allowed, and narrows when they get better.
    #[test]
    fn the_window_follows_how_late_wake_ups_are() {
        let mut window = Window::new(Spin::Adaptive(Duration::from_micros(60)));
        for _ in 0..5_000 {
            window.woke(0, Some(20_000));
        }
        assert!((20_000..30_000).contains(&window.nanos()), "{}", window.nanos());
        window.woke(0, Some(1_000_000));
        assert_eq!(window.nanos(), 60_000);
    }

    /// A busy slice narrows the window, an idle one widens it again.
    #[test]
    fn the_window_recovers_when_there_is_room() {
        let mut window = Window::new(Spin::Fixed(Duration::from_micros(60)));
        window.settle(SLICE);
        assert_eq!(window.nanos(), 30_000);
        for slice in 2..20u64 {
            window.woke(SLICE / 2, None);
            assert_eq!(window.settle(slice * SLICE), None);
        }
        assert_eq!(window.nanos(), 60_000);
    }
}
