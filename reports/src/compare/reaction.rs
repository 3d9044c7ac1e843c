//! Nine stages of scaling reaction over the scale-ups of an arm.

use serde::{Deserialize, Serialize};
use tally_capture::Stage;

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
}

/// When a stage was reached, in nanoseconds since the onset, over the scale-ups in which it was.
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

    pub(crate) fn of<'a>(trials: impl Iterator<Item = &'a TrialReport>) -> Self {
        let episodes: Vec<_> = trials.flat_map(scale_ups).collect();
        let answered = episodes.iter().filter(|episode| episode.is_answered()).count();
        // Stages of one kind of episode only, so that they can be read one after the other.
        let told = || {
            episodes
                .iter()
                .filter(|episode| answered == 0 || episode.is_answered())
        };
        let reached = |stage: Stage| {
            let times = told().filter_map(|episode| episode.since_onset(stage));
            let mut times: Vec<f64> = times.map(|nanos| nanos as f64).collect();
            times.sort_by(f64::total_cmp);
            Some(Reached {
                count: times.len(),
                first: *times.first()?,
                median: median(&times)?,
                last: *times.last()?,
            })
        };
        Self {
            episodes: episodes.len(),
            answered,
            stages: Stage::ALL.map(reached).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phrase;

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
