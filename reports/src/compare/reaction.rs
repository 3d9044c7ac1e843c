//! Nine stages of scaling reaction over the scale-ups of an arm.

use serde::{Deserialize, Serialize};
use tally_capture::{ScaleUp, Stage};

use super::headline::scale_ups;
use super::statistics::median;
use crate::run_report::TrialReport;

/// What an arm did about its overloads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    /// Episodes that began in the measure phase: overloads, and scale-ups without one.
    pub episodes: usize,
    /// Of those, the ones in which the policy asked for more sets.
    pub answered: usize,
    /// Per stage of `tally_capture::Stage::ALL`, over the episodes in which the policy asked for more sets, or over all if it never did;
    /// none if it was never seen.
    pub stages: Vec<Option<Reached>>,
    /// Per part of [`Part::ALL`], over the scale-ups in which both of its ends were seen; none if there were none.
    #[serde(default)]
    pub parts: Vec<Option<Reached>>,
}

/// A part of a scaling delay. Together they last from a depth above the threshold to the first answer of the new set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Until the number was measured on which the policy acted: of a number that is asked for, until the policy looked.
    Measured,
    /// The age of that number when the policy looked, if it is a sample.
    Age,
    /// From that look until the policy's call was accepted.
    Decision,
    /// Until the new set was ready.
    Start,
    /// Until its first answer.
    Service,
}

impl Part {
    /// All, in the order in which they pass.
    pub const ALL: [Self; 5] = [
        Self::Measured,
        Self::Age,
        Self::Decision,
        Self::Start,
        Self::Service,
    ];

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Measured => "until measured",
            Self::Age => "metric age",
            Self::Decision => "decision",
            Self::Start => "start",
            Self::Service => "service",
        }
    }

    /// How long it took, in nanoseconds; none if not both of its ends were seen.
    fn of(self, episode: &ScaleUp) -> Option<u64> {
        let between = |from, to| Some(episode.at(to)?.saturating_sub(episode.at(from)?));
        match self {
            Self::Measured => {
                let seen = between(Stage::OverThreshold, Stage::MetricVisible)?;
                Some(seen.saturating_sub(episode.metric_age.unwrap_or(0)))
            }
            Self::Age => episode.at(Stage::MetricVisible).and(episode.metric_age),
            Self::Decision => between(Stage::MetricVisible, Stage::CallAccepted),
            Self::Start => between(Stage::CallAccepted, Stage::Ready),
            Self::Service => between(Stage::Ready, Stage::FirstAnswer),
        }
    }
}

/// When a stage was reached, in nanoseconds since the onset, or how long a part took, over the scale-ups that show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// In how many.
    pub count: usize,
    /// At the earliest.
    pub first: f64,
    /// In the middle.
    pub median: f64,
    /// At the latest.
    pub last: f64,
}

impl Reached {
    fn of(nanos: impl Iterator<Item = u64>) -> Option<Self> {
        let mut times: Vec<f64> = nanos.map(|nanos| nanos as f64).collect();
        times.sort_by(f64::total_cmp);
        Some(Self {
            count: times.len(),
            first: *times.first()?,
            median: median(&times)?,
            last: *times.last()?,
        })
    }
}

impl Reaction {
    /// Of how many episodes the stages are.
    pub const fn counted(&self) -> usize {
        if self.answered == 0 {
            self.episodes
        } else {
            self.answered
        }
    }

    /// When a stage was reached; none if it was never seen.
    pub fn at(&self, stage: Stage) -> Option<Reached> {
        self.stages.get(stage as usize).copied().flatten()
    }

    /// How long a part took; none if it was never seen.
    pub fn part(&self, part: Part) -> Option<Reached> {
        self.parts.get(part as usize).copied().flatten()
    }

    pub(crate) fn of<'a>(trials: impl Iterator<Item = &'a TrialReport>) -> Self {
        let episodes: Vec<_> = trials.flat_map(scale_ups).collect();
        let answered = episodes.iter().filter(|episode| episode.is_answered()).count();
        // Stages of one kind of episode only, so that they can be read one after the other.
        let told = || {
            episodes
                .iter()
                .filter(|episode| answered == 0 || episode.is_answered())
        };
        let reached = |stage: Stage| Reached::of(told().filter_map(|episode| episode.since_onset(stage)));
        let part = |part: Part| Reached::of(told().filter_map(|episode| part.of(episode)));
        Self {
            episodes: episodes.len(),
            answered,
            stages: Stage::ALL.map(reached).to_vec(),
            parts: Part::ALL.map(part).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phrase;
    use tally_model::Operation;

    /// Parts are told apart in each scale-up, so that their median is not a difference of two medians of different scale-ups.
    #[test]
    fn parts_are_of_scale_ups_that_saw_both_ends() {
        let episode = |stages: [Option<u64>; 9]| ScaleUp {
            operation: Operation::Add,
            from: Some(1),
            to: Some(2),
            set: None,
            stages,
            metric_age: None,
        };
        let whole = episode([0, 1, 16, 17, 18, 20, 21, 25, 90].map(Some));
        let late = episode([Some(0), None, Some(5), Some(6), Some(7), None, None, None, None]);
        let of = |part: Part| [&whole, &late].map(|episode| part.of(episode));
        assert_eq!(of(Part::Measured), [Some(15), None]);
        assert_eq!(of(Part::Age), [None, None]);
        assert_eq!(of(Part::Decision), [Some(2), Some(2)]);
        assert_eq!(of(Part::Start), [Some(3), None]);
        assert_eq!(of(Part::Service), [Some(4), None]);
        let sampled = ScaleUp {
            metric_age: Some(11),
            ..whole.clone()
        };
        let parts = Part::ALL.map(|part| part.of(&sampled).unwrap_or(0));
        assert_eq!(parts, [4, 11, 2, 3, 4]);
        assert_eq!(parts.iter().sum::<u64>(), 25 - 1);
        assert_eq!(Part::ALL.map(|part| part as usize), [0, 1, 2, 3, 4]);
    }

    /// A median that is of fewer scale-ups than the others says of how many.
    #[test]
    fn a_stage_that_not_all_reached_says_how_many_did() {
        let reached = |count| {
            Some(Reached {
                count,
                first: 1e9,
                median: 2e9,
                last: 3e9,
            })
        };
        let mut reaction = Reaction {
            episodes: 4,
            answered: 3,
            stages: vec![reached(3), reached(3), reached(2), None],
            parts: Vec::new(),
        };
        let told = |reaction: &Reaction| {
            [Stage::OverThreshold, Stage::MetricVisible, Stage::Decision]
                .map(|stage| phrase::reached(reaction, stage))
        };
        assert_eq!(told(&reaction), ["2 s", "2 s (n = 2)", "-"]);
        reaction.answered = 0;
        assert_eq!(told(&reaction)[0], "2 s (n = 3)");
    }
}
