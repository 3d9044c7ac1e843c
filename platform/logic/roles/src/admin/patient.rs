//! One member under observation.

use std::time::Duration;

use tally_model::{Instant, Member};

use super::Routine;

/// A fault that changed nothing for this long is raised again.
pub(crate) const RAISE_AGAIN: Duration = Duration::from_secs(10);
/// The shortest time between two probes, however many streams break.
const SHORTEST: Duration = Duration::from_millis(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Patient {
    pub(super) incarnation: u32,
    pub(super) address: String,
    /// When to probe next; while a probe is under way, when to stop waiting for it.
    due: Instant,
    /// When the newest probe was sent.
    probed: Option<Instant>,
    under_way: bool,
    misses: u32,
    evidence: u32,
    raised: Option<Instant>,
}

impl Patient {
    /// First probed within an interval, at a moment of its own, so that probes do not come in bursts.
    pub(super) fn new(member: &Member, now: Instant, interval: Duration) -> Self {
        let digest = blake3::hash(member.node.to_string().as_bytes());
        let share = u32::from(digest.as_bytes()[0]) + 1;
        Self {
            incarnation: member.incarnation,
            address: member.address.clone(),
            due: now + interval * share / 256,
            probed: None,
            under_way: false,
            misses: 0,
            evidence: 0,
            raised: None,
        }
    }

    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    pub(super) const fn is_being_probed(&self) -> bool {
        self.under_way
    }

    /// Notes that a probe is sent now.
    pub(super) fn probe(&mut self, now: Instant, routine: &Routine) {
        self.under_way = true;
        self.probed = Some(now);
        // The driver answers after the timeout at the latest; twice that means that it does not.
        self.due = now + (routine.timeout * 2).max(routine.interval);
    }

    /// Probes as soon as it makes sense.
    pub(super) fn hurry(&mut self, now: Instant) {
        if !self.under_way {
            let soonest = self.probed.map_or(now, |at| now.max(at + SHORTEST));
            self.due = self.due.min(soonest);
        }
    }

    fn finish(&mut self, interval: Duration) {
        self.under_way = false;
        if let Some(at) = self.probed {
            self.due = at + interval;
        }
    }

    /// Notes an answer; true if a fault had been raised.
    pub(super) fn answered(&mut self, interval: Duration) -> bool {
        self.finish(interval);
        self.misses = 0;
        self.evidence = 0;
        self.raised.take().is_some()
    }

    /// Notes a miss that says so much; returns how many in a row, and what they say together.
    pub(super) fn missed(&mut self, interval: Duration, evidence: u32) -> (u32, u32) {
        self.finish(interval);
        self.misses = self.misses.saturating_add(1);
        self.evidence = self.evidence.saturating_add(evidence);
        (self.misses, self.evidence)
    }

    pub(super) const fn is_raised(&self) -> bool {
        self.raised.is_some()
    }

    /// Once per occupant, and again when it was to no avail.
    pub(super) fn may_raise(&self, now: Instant) -> bool {
        self.raised.is_none_or(|at| now.since(at) >= RAISE_AGAIN)
    }

    pub(super) const fn raise(&mut self, now: Instant) {
        self.raised = Some(now);
    }

    pub(super) const fn not_raised(&mut self) {
        self.raised = None;
    }
}
