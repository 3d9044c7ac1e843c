//! When a member says how far it is: only while something is missing, and only if nothing moved since the last time.

use tally_model::Instant;

use super::settings::Settings;

/// The next time, if there is one.
#[derive(Debug, Default)]
pub(super) struct Murmur {
    next: Option<(Instant, u64)>,
}

impl Murmur {
    /// Keeps going while `missing`; `done` is what moves when there is progress.
    pub(super) fn keep(&mut self, now: Instant, settings: &Settings, missing: bool, done: u64) {
        self.next = match self.next {
            _ if !missing => None,
            Some((at, before)) if before == done => Some((at, before)),
            _ => Some((now + settings.murmur, done)),
        };
    }

    /// It was said.
    pub(super) fn said(&mut self) {
        self.next = None;
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|(at, _)| at <= now)
    }

    pub(super) fn at(&self) -> Option<Instant> {
        self.next.map(|(at, _)| at)
    }
}
