//! One pass of reconciliation: what every step of it may touch, and the alarm it leaves behind.

use tally_model::{Deadline, Instant, Observation};

use super::Command;
use super::ledger::Ledger;
use super::pods::PodBook;

/// The earliest moment at which the next pass is of use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm(Option<Deadline>);

impl Alarm {
    /// True if `at` has come; otherwise remembers to wake then.
    pub(super) fn due(&mut self, now: Instant, at: Instant, reason: &'static str) -> bool {
        if now >= at {
            return true;
        }
        self.0 = Deadline::earlier(self.0, Some(Deadline { at, reason }));
        false
    }

    pub(super) const fn deadline(self) -> Option<Deadline> {
        self.0
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) now: Instant,
    pub(super) ledger: &'a mut Ledger,
    pub(super) pods: &'a mut PodBook,
    pub(super) alarm: &'a mut Alarm,
    pub(super) out: &'a mut Vec<Command>,
}

impl Pass<'_> {
    pub(super) fn observe(&mut self, observation: Observation) {
        self.out.push(Command::Observe(observation));
    }
}
