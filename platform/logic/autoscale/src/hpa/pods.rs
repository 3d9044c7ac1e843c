//! Which pods count: sorted by phase, sample and, for CPU, by when they became ready.

use std::time::Duration;

use tally_model::Instant;

/// What a pod is to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodState {
    /// Its sample counts.
    Counted,
    /// Not ready yet: its sample is dropped; it counts as idle if the others ask for more.
    Unready,
    /// It has no sample: it counts as idle on the way up and as busy on the way down.
    Missing,
    /// Failed or going away: it is as if it were not there.
    Ignored,
}

/// One pod as a metric sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodSample {
    /// What it is; a counted pod without usage is missing.
    pub state: PodState,
    /// Usage in milli-units, if there is a sample.
    pub usage: Option<i64>,
    /// Requested amount in milli-units, if every container says one; only utilization needs it.
    pub request: Option<i64>,
}

impl PodSample {
    /// The state, with a counted pod that has no sample among the missing.
    pub(super) const fn group(&self) -> PodState {
        match (self.state, self.usage) {
            (PodState::Counted, None) => PodState::Missing,
            (state, _) => state,
        }
    }

    /// The sample, unless the pod is missing.
    pub(super) fn sample(&self) -> Option<i64> {
        self.usage.filter(|_| self.state != PodState::Missing)
    }
}

/// The phase of a pod, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet running.
    Pending,
    /// Running.
    Running,
    /// Ended well; still counted if it has a sample.
    Succeeded,
    /// Ended badly.
    Failed,
}

/// The condition `Ready` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its status; none if it is unknown.
    pub holds: Option<bool>,
    /// When it last changed.
    pub since: Instant,
}

/// One measurement of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Usage in milli-units.
    pub usage: i64,
    /// When it was taken: the end of its window.
    pub at: Instant,
    /// The time over which it was measured.
    pub window: Duration,
}

/// One pod as the cluster describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// True if it has a deletion timestamp.
    pub deleting: bool,
    /// Its phase.
    pub phase: Phase,
    /// Its condition `Ready`, if it has one.
    pub ready: Option<Ready>,
    /// When it started, if it has.
    pub started: Option<Instant>,
    /// The newest sample of the metric, if there is one.
    pub sample: Option<Sample>,
    /// Requested amount in milli-units, if every container says one.
    pub request: Option<i64>,
}

/// How long a young pod is given; both are flags of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Youth {
    /// While a pod is younger than this, its samples count only if all of their window lies after it became ready.
    pub cpu_initialization_period: Duration,
    /// An older pod that is not ready counts, unless it became unready within this time of its start: then it never
    /// was ready.
    pub initial_readiness_delay: Duration,
}

impl Default for Youth {
    fn default() -> Self {
        Self {
            cpu_initialization_period: Duration::from_mins(5),
            initial_readiness_delay: Duration::from_secs(30),
        }
    }
}

impl Pod {
    /// What this pod is to a metric. `is_cpu`: the metric is the resource `cpu`, the only one that waits for readiness.
    pub fn state(&self, is_cpu: bool, now: Instant, youth: &Youth) -> PodState {
        if self.deleting || self.phase == Phase::Failed {
            return PodState::Ignored;
        }
        if self.phase == Phase::Pending {
            return PodState::Unready;
        }
        let Some(sample) = self.sample else {
            return PodState::Missing;
        };
        if is_cpu && self.is_settling(&sample, now, youth) {
            PodState::Unready
        } else {
            PodState::Counted
        }
    }

    /// This pod as a metric sees it.
    pub fn observed(&self, is_cpu: bool, now: Instant, youth: &Youth) -> PodSample {
        PodSample {
            state: self.state(is_cpu, now, youth),
            usage: self.sample.map(|sample| sample.usage),
            request: self.request,
        }
    }

    fn is_settling(&self, sample: &Sample, now: Instant, youth: &Youth) -> bool {
        let (Some(ready), Some(started)) = (self.ready, self.started) else {
            return true;
        };
        let unready = ready.holds == Some(false);
        if started + youth.cpu_initialization_period > now {
            unready || sample.at < ready.since + sample.window
        } else {
            unready && started + youth.initial_readiness_delay > ready.since
        }
    }
}
