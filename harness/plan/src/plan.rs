//! What a trial does and when: every request and every fault with its due time, decided before anything runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_model::{FaultType, Operation, Outcome, nanos};
use tally_workloads::{ExpressionStream, Fingerprint, Pattern, Shape, Stream};

use crate::shots::{Shot, Shots};
use crate::window::{Window, windows};
use crate::{FaultKind, Phases, Pick, When};

/// The most requests of one trial.
pub const MAX_SHOTS: u64 = 5_000_000;
/// The most requests of one closed load, of all its users together; a trial in which they run out is inconclusive.
pub const MAX_CLOSED: u64 = 100_000;

/// A trial, decided. All times are nanoseconds since its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form: 1.
    pub version: u32,
    /// Name of the experiment.
    pub name: String,
    /// Seed of everything that was drawn.
    pub seed: u64,
    /// How long each phase lasts.
    pub phases: Phases,
    /// The loads, in the order of the file.
    pub loads: Vec<PlannedLoad>,
    /// Open-loop requests in the order they are due; `n` counts them from 0.
    pub shots: Shots,
    /// Closed loads, whose requests come when answers do.
    pub closed: Vec<ClosedLoad>,
    /// Faults in the order they start.
    pub faults: Vec<PlannedFault>,
    /// Equal exactly when the workloads are: see [`Plan::workload_fingerprint`].
    pub fingerprint: String,
}

/// A load of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedLoad {
    /// Its name.
    pub name: String,
    /// When its requests come.
    pub pattern: Pattern,
    /// How many; 0 for a closed load.
    pub requests: u64,
}

/// A request of a closed load: like a [`crate::Shot`], but without number and due time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRequest {
    /// What is sent.
    pub expression: String,
    /// The answer the file gives.
    pub expected: Option<Outcome>,
    /// Which draw of the service-time model its tasks get.
    pub work_key: u64,
}

/// Users that wait for their answer, think, and ask again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedLoad {
    /// Index into [`Plan::loads`].
    pub load: u32,
    /// Its name, which names its streams.
    pub name: String,
    /// Seed of its streams.
    pub seed: u64,
    /// How many users.
    pub users: u32,
    /// Nanoseconds between an answer and the next request of the same user.
    pub think: u64,
    /// What they ask.
    pub shape: Shape,
}

impl ClosedLoad {
    /// The endless requests of one user, numbered from 0; the same every time it is asked for.
    pub fn requests(&self, user: u32) -> impl Iterator<Item = PlannedRequest> + use<> {
        let purpose = |what: &str| format!("{what} of user {user}");
        let expressions = Stream::new(self.seed, &self.name, &purpose("expressions"));
        let mut work = Stream::new(self.seed, &self.name, &purpose("work"));
        ExpressionStream::new(self.shape.clone(), expressions).map(move |drawn| PlannedRequest {
            expression: drawn.text,
            expected: drawn.answer,
            work_key: work.word(),
        })
    }
}

/// Which phase of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Load, not measured.
    Warmup,
    /// Load and faults, measured.
    Measure,
    /// No new requests.
    Drain,
}

/// A fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Its name.
    pub name: String,
    /// What is done.
    pub kind: FaultKind,
    /// To whom.
    pub role: FaultType,
    /// To how many.
    pub pick: Pick,
    /// Only at sets of this operation.
    pub operation: Option<Operation>,
    /// Only this role of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// When it is injected.
    pub start: u64,
    /// When it has to be healed.
    pub end: u64,
    /// In which phase it starts.
    pub phase: Phase,
    /// Which of the candidates are hit: candidates in their order, counted on from `choice` modulo their number.
    pub choice: u64,
}

/// How many requests of each closed user a fingerprint covers.
const FINGERPRINTED_PER_USER: usize = 20;

impl Plan {
    /// Start of the measure phase.
    pub fn measure_start(&self) -> u64 {
        nanos(self.phases.warmup)
    }

    /// End of the measure phase: the last request was due before it.
    pub fn measure_end(&self) -> u64 {
        nanos(self.phases.warmup.saturating_add(self.phases.measure))
    }

    /// Outcomes that the file states, by number of the request.
    pub fn expected(&self) -> BTreeMap<u64, Outcome> {
        let stated = |shot: Shot<'_>| shot.expected.cloned().map(|outcome| (shot.n, outcome));
        self.shots.iter().filter_map(stated).collect()
    }

    /// End of the drain.
    pub fn end(&self) -> u64 {
        nanos(self.phases.total())
    }

    /// The phase of an instant.
    pub fn phase_at(&self, at: u64) -> Phase {
        match at {
            at if at < self.measure_start() => Phase::Warmup,
            at if at < self.measure_end() => Phase::Measure,
            _ => Phase::Drain,
        }
    }

    /// The windows an expectation's `when` stands for, in order, not overlapping, possibly none.
    ///
    /// A request belongs to the window in which it was due.
    pub fn windows(&self, when: &When) -> Vec<Window> {
        windows(self, when)
    }

    /// Hash of the first `first` requests (number, due time, text) and as many of each closed load's users as matter:
    /// 32 lower-case hexadecimal digits. [`Plan::fingerprint`] is this over all requests.
    pub fn workload_fingerprint(&self, first: usize) -> String {
        let mut fingerprint = Fingerprint::default();
        for shot in self.shots.iter().take(first) {
            fingerprint.add(shot.n, shot.due, shot.expression);
        }
        for load in &self.closed {
            fingerprint.add_fact("closed", &format!("{} {} {}", load.name, load.users, load.think));
            for user in 0..load.users.min(first as u32) {
                for request in load.requests(user).take(FINGERPRINTED_PER_USER) {
                    fingerprint.add(u64::from(user), load.think, &request.expression);
                }
            }
        }
        fingerprint.finish()
    }

    /// Hash of everything a trial does: workload, service times, phases and faults; 32 lower-case hexadecimal digits.
    /// The platform is not part of it, so that arms with one plan are equal in it.
    pub fn hash(&self) -> String {
        let mut hash = Fingerprint::default();
        hash.add_fact("workload", &self.fingerprint);
        let work = self
            .shots
            .iter()
            .fold(0_u64, |sum, shot| sum.rotate_left(5) ^ shot.work_key);
        hash.add_fact("work", &work.to_string());
        hash.add_fact("phases", &format!("{:?}", self.phases));
        for fault in &self.faults {
            hash.add_fact("fault", &format!("{fault:?}"));
        }
        hash.finish()
    }
}
