//! The way down: late, in steps, and to zero only after a long silence.

use std::collections::VecDeque;
use std::time::Duration;

use tally_model::Instant;

/// Holds the largest number of sets that was needed within a window, halves at most every 15 s, and keeps the last set for a
/// minute without work. The way up is free.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// Numbers that were needed, the larger first: a number is forgotten when a later one is at least as large.
    needed: VecDeque<(Instant, u32)>,
    last_down: Option<Instant>,
    last_busy: Option<Instant>,
}

impl Pace {
    /// Between two steps down.
    const STEP: Duration = Duration::from_secs(15);
    /// Without work before the last set goes.
    const IDLE: Duration = Duration::from_mins(1);

    /// How many sets to have after `wanted`, if `needed` are needed now.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        wanted: u32,
        needed: u32,
        window: Duration,
        busy: bool,
    ) -> u32 {
        if busy || self.last_busy.is_none() {
            self.last_busy = Some(now);
        }
        while self.needed.back().is_some_and(|(_, sets)| *sets <= needed) {
            self.needed.pop_back();
        }
        self.needed.push_back((now, needed));
        while self.needed.front().is_some_and(|(at, _)| now.since(*at) > window) {
            self.needed.pop_front();
        }
        let most = self.needed.front().map_or(needed, |(_, sets)| *sets);
        if most >= wanted {
            return needed.max(wanted);
        }
        if self.last_down.is_some_and(|last| now.since(last) < Self::STEP) {
            return wanted;
        }
        let idle = self.last_busy.is_some_and(|last| now.since(last) >= Self::IDLE);
        let next = most.max(wanted / 2).max(u32::from(!idle));
        if next < wanted {
            self.last_down = Some(now);
        }
        next.min(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    /// What is wanted in each second if this is needed.
    fn follow(needed: impl Iterator<Item = (u32, bool)>) -> Vec<u32> {
        let mut pace = Pace::default();
        let mut wanted = 0;
        let window = Duration::from_secs(10);
        needed
            .enumerate()
            .map(|(second, (needed, busy))| {
                wanted = pace.next(at(second as u64), wanted, needed, window, busy);
                wanted
            })
            .collect()
    }

    /// Up at once; down after the window, to half, and to the rest 15 s later.
    #[test]
    fn the_way_down_waits_and_goes_in_steps() {
        let needed = [8]
            .into_iter()
            .chain(std::iter::repeat_n(1, 60))
            .map(|sets| (sets, true));
        let wanted = follow(needed);
        assert_eq!(wanted[10], 8);
        assert_eq!(wanted[11..26], [4; 15]);
        assert_eq!(wanted[26..41], [2; 15]);
        assert_eq!(wanted[41], 1);
    }

    /// The last set stays for a minute after the last work, however little is needed.
    #[test]
    fn the_last_set_waits_for_a_long_silence() {
        let needed = [(1, true)].into_iter().chain(std::iter::repeat_n((0, false), 80));
        let wanted = follow(needed);
        assert_eq!(wanted[59], 1);
        assert_eq!(wanted[60], 0);
    }
}
