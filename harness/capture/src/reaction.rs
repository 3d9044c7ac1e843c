//! Scaling reaction: from the first task of a surge to the end of its backlog in nine stages on one clock, read off the
//! platform's observations alone.
//!
//! A scale-up is one *episode* of one layer: it begins when the layer, seen empty before, becomes busy, and ends when it is seen
//! empty again; it is listed if the depth rose above the threshold or the policy asked for more sets. Sets are new if the first
//! call for them was accepted after the episode's first decision; of several, the one that answered first shows the stages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_model::{NodeId, Observation, Operation as Layer, SetId, Step};

/// The nine stages, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The layer became busy.
    Onset,
    /// Its depth rose above the threshold.
    OverThreshold,
    /// The policy saw the depth that made it act.
    MetricVisible,
    /// The policy asked for more sets.
    Decision,
    /// The last call for a member of the new set was accepted.
    CallAccepted,
    /// The last member of the new set had started.
    Started,
    /// The new set takes tasks.
    Ready,
    /// The new set's first certified answer.
    FirstAnswer,
    /// The layer was seen empty again.
    BacklogDrained,
}

impl Stage {
    /// All nine.
    pub const ALL: [Self; 9] = [
        Self::Onset,
        Self::OverThreshold,
        Self::MetricVisible,
        Self::Decision,
        Self::CallAccepted,
        Self::Started,
        Self::Ready,
        Self::FirstAnswer,
        Self::BacklogDrained,
    ];

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Onset => "onset",
            Self::OverThreshold => "over threshold",
            Self::MetricVisible => "metric visible",
            Self::Decision => "decision",
            Self::CallAccepted => "call accepted",
            Self::Started => "started",
            Self::Ready => "ready",
            Self::FirstAnswer => "first answer",
            Self::BacklogDrained => "backlog drained",
        }
    }
}

/// One scale-up, or an overload to which the policy did not react.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleUp {
    /// The layer.
    pub operation: Layer,
    /// Sets wanted before; none if the policy did not act.
    pub from: Option<u32>,
    /// Most sets wanted in the episode; none if the policy did not act.
    pub to: Option<u32>,
    /// The new set that answered first (or came furthest).
    pub set: Option<SetId>,
    /// When each stage of [`Stage::ALL`] was reached, in nanoseconds since the trial began; none if it was not seen.
    pub stages: [Option<u64>; 9],
    /// How old the sample was which the policy saw when the metric was visible, in nanoseconds; none if it asks for numbers of that
    /// moment, or nobody says.
    #[serde(default)]
    pub metric_age: Option<u64>,
}

impl ScaleUp {
    const fn of(operation: Layer) -> Self {
        Self {
            operation,
            from: None,
            to: None,
            set: None,
            stages: [None; 9],
            metric_age: None,
        }
    }

    /// When `stage` was reached.
    pub const fn at(&self, stage: Stage) -> Option<u64> {
        self.stages[stage as usize]
    }

    /// From the onset to `stage`; none if either was not seen.
    pub fn since_onset(&self, stage: Stage) -> Option<u64> {
        Some(self.at(stage)?.saturating_sub(self.at(Stage::Onset)?))
    }

    /// True if the policy asked for more sets.
    pub const fn is_answered(&self) -> bool {
        self.at(Stage::Decision).is_some()
    }

    /// The first stage that was seen.
    pub fn begin(&self) -> u64 {
        self.stages.iter().flatten().min().copied().unwrap_or(0)
    }

    fn reach(&mut self, stage: Stage, at: u64) {
        self.stages[stage as usize].get_or_insert(at);
    }
}

/// Every scale-up of a trial, in the order in which they began. `events` are in the order of time.
pub fn scale_ups(events: &[Observation]) -> Vec<ScaleUp> {
    let mut ledger = Ledger::default();
    for event in events {
        ledger.note(event);
    }
    ledger.finish()
}

/// What happened to one new set so far.
#[derive(Clone, Debug, Default)]
struct NewSet {
    /// Its members until it was ready: when the call was accepted, and when it was last seen to run.
    members: BTreeMap<Option<NodeId>, (u64, Option<u64>)>,
    ready: Option<u64>,
    answered: Option<u64>,
}

impl NewSet {
    /// A member that runs proves that its call was accepted, also if the answer to the call comes later than the sight of it.
    fn called(&mut self, node: Option<NodeId>, at: u64) -> &mut (u64, Option<u64>) {
        self.members.entry(node).or_insert((at, None))
    }

    /// When each stage from the accepted call to the first answer was reached.
    fn reached(&self) -> [(Stage, Option<u64>); 4] {
        let members = || self.members.values();
        [
            (Stage::CallAccepted, members().map(|(called, _)| *called).max()),
            (
                Stage::Started,
                members().filter_map(|(_, started)| *started).max(),
            ),
            (Stage::Ready, self.ready),
            (Stage::FirstAnswer, self.answered),
        ]
    }
}

#[derive(Debug, Default)]
struct Ledger {
    found: Vec<ScaleUp>,
    /// Per layer: the open episode, the newest in which the policy acted, the sets wanted.
    open: [Option<usize>; 4],
    acting: [Option<usize>; 4],
    wanted: [Option<f64>; 4],
    /// The sets that exist, with the scale-up that they belong to, if any.
    sets: BTreeMap<SetId, (Option<usize>, NewSet)>,
    /// Sets that are gone but belonged to a scale-up.
    gone: Vec<(usize, SetId, NewSet)>,
}

impl Ledger {
    fn note(&mut self, event: &Observation) {
        let at = event.at.as_nanos();
        match (event.operation, event.set) {
            (Some(layer), None) => self.layer(layer, event, at),
            (_, Some(set)) => self.set(set, event, at),
            (None, None) => {}
        }
    }

    fn layer(&mut self, layer: Layer, event: &Observation, at: u64) {
        match event.step {
            Step::Onset => {
                self.open[layer.index()] = None;
                self.episode(layer).reach(Stage::Onset, at);
            }
            Step::OverThreshold => self.episode(layer).reach(Stage::OverThreshold, at),
            Step::MetricVisible => self.episode(layer).reach(Stage::MetricVisible, at),
            Step::MetricSampled => {
                let age = event.value.map(|seconds| (seconds * 1e9) as u64);
                let episode = self.episode(layer);
                episode.metric_age = episode.metric_age.or(age);
            }
            Step::Decision => self.decision(layer, event.value.unwrap_or(0.0), at),
            Step::BacklogDrained => {
                if let Some(open) = self.open[layer.index()].take() {
                    self.found[open].reach(Stage::BacklogDrained, at);
                }
            }
            _ => {}
        }
    }

    fn decision(&mut self, layer: Layer, wanted: f64, at: u64) {
        let before = self.wanted[layer.index()].replace(wanted);
        let Some(before) = before.filter(|before| wanted > *before) else {
            return;
        };
        let episode = self.episode(layer);
        episode.reach(Stage::Decision, at);
        episode.from.get_or_insert(before as u32);
        episode.to = episode.to.max(Some(wanted as u32));
        self.acting[layer.index()] = self.open[layer.index()];
    }

    fn episode(&mut self, layer: Layer) -> &mut ScaleUp {
        let next = self.found.len();
        let open = *self.open[layer.index()].get_or_insert(next);
        if open == next {
            self.found.push(ScaleUp::of(layer));
        }
        &mut self.found[open]
    }

    fn set(&mut self, set: SetId, event: &Observation, at: u64) {
        let owner = self.acting[set.operation.index()];
        match event.step {
            Step::CallAccepted | Step::PodStarted => {
                let (_, new) = self.sets.entry(set).or_insert((owner, NewSet::default()));
                // What comes after it was ready is repair.
                if new.ready.is_none() {
                    let (_, started) = new.called(event.node, at);
                    if event.step == Step::PodStarted {
                        *started = Some(at);
                    }
                }
            }
            Step::SetReady => {
                // A set whose calls were not seen was there before.
                let (_, new) = self.sets.entry(set).or_insert((None, NewSet::default()));
                new.ready.get_or_insert(at);
            }
            Step::FirstAnswer => {
                if let Some((_, new)) = self.sets.get_mut(&set) {
                    new.answered.get_or_insert(at);
                }
            }
            Step::SetDeleted => {
                if let Some((Some(owner), new)) = self.sets.remove(&set) {
                    self.gone.push((owner, set, new));
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Vec<ScaleUp> {
        let alive = self
            .sets
            .into_iter()
            .filter_map(|(set, (owner, new))| Some((owner?, set, new)));
        let mut all: Vec<(usize, SetId, NewSet)> = self.gone.into_iter().chain(alive).collect();
        // The set that came furthest, and of those the first to come there.
        let rank = |new: &NewSet| {
            let late = |at: Option<u64>| at.unwrap_or(u64::MAX);
            let [called, started, ready, answered] = new.reached().map(|(_, at)| late(at));
            [answered, ready, started, called]
        };
        all.sort_by_key(|(owner, set, new)| (*owner, rank(new), *set));
        for (owner, set, new) in all {
            let scale_up = &mut self.found[owner];
            if scale_up.set.is_some() {
                continue;
            }
            scale_up.set = Some(set);
            for (stage, at) in new.reached() {
                scale_up.stages[stage as usize] = at;
            }
        }
        self.found
            .sort_by_key(|scale_up| (scale_up.begin(), scale_up.operation));
        self.found
    }
}

#[cfg(test)]
#[path = "reaction/tests.rs"]
mod tests;
