//! How long the worker waits for a quorum, and when a leader that finds none is no longer believed.
//!
//! Nobody knows how long members take, so a wait that achieved nothing is followed by one twice as long; otherwise members that
//! are merely slower than the timeout would be replaced for ever (Castro and Liskov, OSDI 1999, section 4.4; Dwork, Lynch and
//! Stockmeyer, JACM 1988). And a leader that reports missing votes may be the one that suppresses them: it is believed once.

use std::time::Duration;

use tally_model::{Epoch, Instant};

/// Doublings at most; 2^6 times half a second is longer than any task is waited for.
const DOUBLINGS: u32 = 6;

/// One occupant of the leader's place.
pub(super) type Occupant = (u8, u32);

/// The worker's patience.
#[derive(Debug)]
pub(super) struct Patience {
    base: Duration,
    doublings: u32,
    /// A timeout ran out in this epoch, and nothing was certified since.
    gave_up: bool,
    /// The leader that found no quorum, and in which epoch it first said so; nothing was certified since.
    without_quorum: Option<(Occupant, Epoch)>,
}

impl Patience {
    pub(super) const fn new(base: Duration) -> Self {
        Self {
            base,
            doublings: 0,
            gave_up: false,
            without_quorum: None,
        }
    }

    /// How long to wait for an answer now.
    pub(super) fn timeout(&self) -> Duration {
        self.base * (1 << self.doublings)
    }

    /// How much longer than members are asked to take they may take.
    pub(super) fn grace(&self) -> Duration {
        self.timeout().saturating_sub(self.base)
    }

    /// A timeout ran out.
    pub(super) const fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// Another epoch begins, with or without batches that none before it answered.
    pub(super) fn turn(&mut self, unanswered: bool) {
        if std::mem::take(&mut self.gave_up) && unanswered {
            self.doublings = (self.doublings + 1).min(DOUBLINGS);
        }
    }

    /// A batch was certified, so long after it was proposed. Half as much patience will do if it would have done here.
    pub(super) fn answered(&mut self, took: Duration) {
        self.gave_up = false;
        self.without_quorum = None;
        if took < self.timeout() / 4 {
            self.doublings = self.doublings.saturating_sub(1);
        }
    }

    /// `leader` found no quorum. True if it had found none in an earlier epoch either, whoever was replaced since.
    pub(super) fn no_quorum(&mut self, leader: Occupant, epoch: Epoch) -> bool {
        match self.without_quorum {
            Some((known, since)) if known == leader => since < epoch,
            _ => {
                self.without_quorum = Some((leader, epoch));
                false
            }
        }
    }

    /// Whether a report that a batch proposed at `proposed` has no quorum is late enough to count.
    pub(super) fn hears_reports_of(&self, proposed: Instant, now: Instant) -> bool {
        now.since(proposed) >= super::collecting(self.timeout())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);

    /// Only a wait that ran out and was followed by an epoch with unanswered batches doubles, up to a bound; quick answers halve.
    #[test]
    fn patience_doubles_with_what_achieved_nothing_and_comes_back() {
        let mut patience = Patience::new(BASE);
        patience.turn(true);
        assert_eq!(patience.timeout(), BASE, "somebody else was replaced");
        patience.give_up();
        patience.turn(false);
        assert_eq!(patience.timeout(), BASE, "nothing waits");
        for _ in 0..20 {
            patience.give_up();
            patience.turn(true);
        }
        assert_eq!(patience.timeout(), BASE * 64);
        assert_eq!(patience.grace(), BASE * 63);
        patience.answered(BASE * 16);
        assert_eq!(patience.timeout(), BASE * 64, "it needed them");
        for _ in 0..20 {
            patience.answered(Duration::ZERO);
        }
        assert_eq!(patience.timeout(), BASE);
    }

    /// A leader is believed in one epoch, and again after an answer or when another sits in its place.
    #[test]
    fn a_leader_without_a_quorum_is_believed_once() {
        let mut patience = Patience::new(BASE);
        assert!(!patience.no_quorum((2, 0), Epoch(5)));
        assert!(!patience.no_quorum((2, 0), Epoch(5)), "the same report again");
        assert!(patience.no_quorum((2, 0), Epoch(6)));
        assert!(!patience.no_quorum((2, 1), Epoch(7)), "another occupant");
        patience.answered(BASE);
        assert!(!patience.no_quorum((2, 1), Epoch(8)));
    }
}
