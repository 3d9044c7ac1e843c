//! Looks at everything that is said and decided, and holds it against the invariants.

use tally_model::{Instant, NodeId, Observation, PlatformConfig, SetId, SetRecord};
use tally_roles::packet::Packet;
use tally_substrate::PodIndex;

use crate::coverage::Coverage;
use crate::invariants;
use crate::timeline::{Request, Sight};

/// A packet at the moment it is sent.
#[derive(Debug)]
pub struct Sent<'a> {
    /// When.
    pub at: Instant,
    /// Which pod; none for the control plane.
    pub pod: Option<PodIndex>,
    /// Its place.
    pub from: NodeId,
    /// To which place.
    pub to: NodeId,
    /// What.
    pub packet: &'a Packet,
    /// How much is said in this second of the world, up to this packet.
    pub said: u32,
}

/// What an invariant says to one fact: it holds, or how it does not.
pub type Verdict = Result<(), String>;

/// Something that must hold at all times. One per file, each with its source.
pub trait Invariant: std::fmt::Debug + Send {
    /// A short name, for reports and commands.
    fn name(&self) -> &'static str;

    /// Where it is demanded.
    fn source(&self) -> &'static str;

    /// An honest pod, or the control plane, says something.
    ///
    /// # Errors
    /// How the invariant is broken.
    fn sent(&mut self, _sent: &Sent<'_>) -> Verdict {
        Ok(())
    }

    /// A pod is gone.
    fn gone(&mut self, _pod: PodIndex) {}

    /// A set record is written.
    ///
    /// # Errors
    /// How the invariant is broken.
    fn record(&mut self, _record: &SetRecord) -> Verdict {
        Ok(())
    }

    /// The lock on the lead of a set is taken by somebody, or released.
    fn locked(&mut self, _set: SetId, _holder: Option<&str>) {}

    /// A set is deleted.
    fn deleted(&mut self, _set: SetId) {}

    /// A request is over, for its client.
    ///
    /// # Errors
    /// How the invariant is broken.
    fn over(&mut self, _request: &Request) -> Verdict {
        Ok(())
    }

    /// An outcome is seen again.
    ///
    /// # Errors
    /// How the invariant is broken.
    fn seen(&mut self, _sight: &Sight) -> Verdict {
        Ok(())
    }

    /// The platform observed something.
    ///
    /// # Errors
    /// How the invariant is broken.
    fn observed(&mut self, _observation: &Observation) -> Verdict {
        Ok(())
    }

    /// The run is over: everything was healed, and time enough has passed.
    ///
    /// # Errors
    /// How the invariant is broken.
    fn end(&mut self, _last: &Last<'_>) -> Verdict {
        Ok(())
    }
}

/// The world at the end of a run.
#[derive(Clone, Debug)]
pub struct Last<'a> {
    /// Its configuration.
    pub config: &'a PlatformConfig,
    /// The cluster that everything signed names.
    pub cluster: [u8; 16],
    /// Every version of every set record.
    pub history: &'a [SetRecord],
    /// Messages in the queues, in the order of `QueueName::ALL`: visible and leased.
    pub queued: [u64; 8],
    /// Sets that take tasks, per operation.
    pub ready: [u32; 4],
    /// Answers that are stored.
    pub stored: u64,
    /// Whether messages may have been received too often through no fault of theirs.
    pub may_bury: bool,
}

/// The first thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the invariant.
    pub invariant: &'static str,
    /// Where it is demanded.
    pub source: &'static str,
    /// When.
    pub at: Instant,
    /// How it was broken.
    pub how: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} at {:.3} s: {} ({})",
            self.invariant,
            self.at.as_nanos() as f64 / 1e9,
            self.how,
            self.source
        )
    }
}

/// How much honest members and the control plane say in each second of the world.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    second: u64,
    said: u32,
    busiest: u32,
}

impl Pace {
    /// One more; how many there are in its second.
    fn count(&mut self, at: Instant) -> u32 {
        let second = at.as_nanos() / 1_000_000_000;
        if std::mem::replace(&mut self.second, second) != second {
            self.said = 0;
        }
        self.said += 1;
        self.busiest = self.busiest.max(self.said);
        self.said
    }
}

/// All invariants, what was violated first, and what happened at least once.
#[derive(Debug)]
pub(crate) struct Watch {
    invariants: Vec<Box<dyn Invariant>>,
    pub(crate) violation: Option<Violation>,
    pub(crate) coverage: Coverage,
    pace: Pace,
}

/// Computes what an expression must give; by a program of its own.
pub type Oracle = fn(&str) -> tally_model::Outcome;

impl Watch {
    pub(crate) fn new(config: &PlatformConfig, oracle: Oracle) -> Self {
        Self {
            invariants: invariants::all(config, oracle),
            violation: None,
            coverage: Coverage::default(),
            pace: Pace::default(),
        }
    }

    fn each(&mut self, at: Instant, mut ask: impl FnMut(&mut dyn Invariant) -> Verdict) {
        if self.violation.is_some() {
            return;
        }
        for invariant in &mut self.invariants {
            if let Err(how) = ask(&mut **invariant) {
                self.violation = Some(Violation {
                    invariant: invariant.name(),
                    source: invariant.source(),
                    at,
                    how,
                });
                return;
            }
        }
    }

    /// An honest pod says something to a place; none is the control plane.
    pub(crate) fn sent(
        &mut self,
        at: Instant,
        pod: Option<PodIndex>,
        (from, to): (NodeId, NodeId),
        packet: &Packet,
    ) {
        let sent = Sent {
            at,
            pod,
            from,
            to,
            packet,
            said: self.pace.count(at),
        };
        self.coverage.sent(&sent);
        self.each(at, |invariant| invariant.sent(&sent));
    }

    /// The most that was said within one second of the world.
    pub(crate) const fn busiest(&self) -> u32 {
        self.pace.busiest
    }

    pub(crate) fn gone(&mut self, pod: PodIndex) {
        for invariant in &mut self.invariants {
            invariant.gone(pod);
        }
    }

    pub(crate) fn deleted(&mut self, set: SetId) {
        for invariant in &mut self.invariants {
            invariant.deleted(set);
        }
    }

    pub(crate) fn locked(&mut self, set: SetId, holder: Option<&str>) {
        for invariant in &mut self.invariants {
            invariant.locked(set, holder);
        }
    }

    pub(crate) fn record(&mut self, at: Instant, record: &SetRecord) {
        self.coverage.record(record);
        self.each(at, |invariant| invariant.record(record));
    }

    pub(crate) fn over(&mut self, at: Instant, request: &Request) {
        self.coverage.over(request);
        self.each(at, |invariant| invariant.over(request));
    }

    pub(crate) fn seen(&mut self, sight: &Sight) {
        self.each(sight.at, |invariant| invariant.seen(sight));
    }

    pub(crate) fn observed(&mut self, observation: &Observation) {
        self.coverage.observed(observation);
        self.each(observation.at, |invariant| invariant.observed(observation));
    }

    pub(crate) fn end(&mut self, at: Instant, last: &Last<'_>) {
        self.each(at, |invariant| invariant.end(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said is counted by the second, and the busiest is kept.
    #[test]
    fn the_busiest_second_is_the_one_with_most_in_it() {
        let mut pace = Pace::default();
        let at = [0, 1, 999_999_999, 1_000_000_000, 2_500_000_000, 2_500_000_000];
        let said = at.map(|at| pace.count(Instant::from_nanos(at)));
        assert_eq!(said, [1, 2, 3, 1, 1, 2]);
        assert_eq!(pace.busiest, 3);
    }
}
