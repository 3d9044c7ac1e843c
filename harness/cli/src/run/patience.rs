//! How long answers that are owed are waited for after the last request.
//!
//! Late and lost look the same from outside until one waits long enough. The drain phase is the least wait. A platform may itself be
//! waiting for longer before it tries again: for the visibility timeout when whoever had a task died, and for a set that does
//! not start. So answers are given up when none came for all of that together, and then they are lost. A platform that
//! answers on and on, but too slowly, is given up too some time, and what it still works on then is late.

use std::time::{Duration, Instant};

use tally_model::Timing;

/// Silences that a platform may take in all.
const SILENCES: u32 = 3;

/// Why nobody waits any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// No answer came for longer than the platform itself waits for anything.
    Silent,
    /// Answers still come.
    StillAnswering,
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    silence: Duration,
    last: Instant,
    until: Instant,
    answered: u64,
    /// Whether somebody asked for the end.
    hurried: bool,
}

impl Patience {
    /// Begins to wait at `now`.
    pub(super) fn new(now: Instant, drain: Duration, timing: &Timing) -> Self {
        let silence = drain.max(timing.visibility + timing.start_timeout);
        Self {
            silence,
            last: now + silence * SILENCES,
            until: now + silence,
            answered: 0,
            hurried: false,
        }
    }

    /// Waits no longer than `time` from now, or from when this was first asked, whatever comes.
    pub(super) fn shorten(&mut self, now: Instant, time: Duration) {
        self.hurried = true;
        self.until = self.until.min(now + time);
    }

    /// Whether the wait is over at `now`, with that many requests `answered` so far.
    pub(super) fn over(&mut self, now: Instant, answered: u64) -> Option<Over> {
        if answered > self.answered && !self.hurried {
            self.answered = answered;
            self.until = now + self.silence;
        }
        if now >= self.until {
            return Some(Over::Silent);
        }
        (now >= self.last).then_some(Over::StillAnswering)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn patience(now: Instant) -> Patience {
        let timing = Timing {
            visibility: SECOND * 6,
            start_timeout: SECOND * 4,
            ..Timing::default()
        };
        Patience::new(now, SECOND, &timing)
    }

    /// What is not answered while nothing is heard for as long as the platform itself may wait is given up.
    #[test]
    fn silence_ends_the_wait() {
        let start = Instant::now();
        let mut patience = patience(start);
        assert_eq!(patience.over(start, 5), None);
        assert_eq!(patience.over(start + SECOND * 9, 5), None);
        assert_eq!(patience.over(start + SECOND * 9, 6), None);
        assert_eq!(patience.over(start + SECOND * 18, 6), None);
        assert_eq!(patience.over(start + SECOND * 19, 6), Some(Over::Silent));
    }

    /// A platform that answers one request after the other, but too slowly, is late and not silent.
    #[test]
    fn answers_without_end_are_not_silence() {
        let start = Instant::now();
        let mut patience = patience(start);
        for second in 0..30_u32 {
            assert_eq!(patience.over(start + SECOND * second, u64::from(second)), None);
        }
        assert_eq!(patience.over(start + SECOND * 30, 30), Some(Over::StillAnswering));
    }

    /// After an interrupt no answer prolongs the wait.
    #[test]
    fn an_interrupted_run_does_not_wait_longer() {
        let start = Instant::now();
        let mut patience = patience(start);
        assert_eq!(patience.over(start, 7), None);
        for second in 0..2 {
            let now = start + SECOND * second;
            patience.shorten(now, SECOND * 2);
            assert_eq!(patience.over(now, 8 + u64::from(second)), None);
        }
        patience.shorten(start + SECOND * 2, SECOND * 2);
        assert_eq!(patience.over(start + SECOND * 2, 20), Some(Over::Silent));
    }
}
