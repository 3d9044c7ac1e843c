//! When a backup gives up on a view: after T, and after twice as long whenever the view before achieved nothing.

use std::time::Duration;

use tally_model::{Epoch, Instant};

use super::client_table::ClientId;

/// Doublings at most; 2^10 times a quarter of a second is longer than anybody waits.
const DOUBLINGS: u32 = 10;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// That this request is executed.
    Request(ClientId, u64),
    /// That this place in the order is executed.
    Place(u64),
    /// That this view is opened.
    View(u32),
    /// That the members go over to this epoch.
    Epoch(Epoch),
}

/// The timer.
#[derive(Debug)]
pub(super) struct Timer {
    base: Duration,
    doublings: u32,
    progressed: bool,
    watch: Option<(Watch, Instant)>,
}

impl Timer {
    pub(super) const fn new(base: Duration) -> Self {
        Self {
            base,
            doublings: 0,
            progressed: true,
            watch: None,
        }
    }

    /// Watches `what`; goes on if that is watched already.
    pub(super) fn watch(&mut self, now: Instant, what: Option<Watch>) {
        let Some(what) = what else {
            self.watch = None;
            return;
        };
        if self.watch.is_none_or(|(watched, _)| watched != what) {
            self.watch = Some((what, now + self.base * (1 << self.doublings)));
        }
    }

    pub(super) fn watched(&self) -> Option<Watch> {
        self.watch.map(|(what, _)| what)
    }

    pub(super) fn at(&self) -> Option<Instant> {
        self.watch.map(|(_, at)| at)
    }

    pub(super) fn expired(&self, now: Instant) -> bool {
        self.at().is_some_and(|at| at <= now)
    }

    /// A view is entered or left: nothing was achieved in the next one yet.
    pub(super) fn turn(&mut self) {
        self.watch = None;
    }

    /// The view timed out. If nothing was executed since the last time, the next one gets twice as long.
    pub(super) fn give_up(&mut self) {
        if !self.progressed {
            self.doublings = (self.doublings + 1).min(DOUBLINGS);
        }
        self.progressed = false;
        self.watch = None;
    }

    /// Something new was executed.
    pub(super) fn progress(&mut self) {
        self.doublings = 0;
        self.progressed = true;
    }
}
