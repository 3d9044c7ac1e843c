//! All scores of one course of events.

use serde::Serialize;

use super::{Elasticity, ServedTask, StepCurve, elasticity, flaps, needed_sets, violations};

/// What happened on one layer, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Its tasks, in the order they were ready.
    pub tasks: Vec<ServedTask>,
    /// Sets that serve.
    pub supply: StepCurve,
    /// Sets that exist, those that start or end included.
    pub existing: StepCurve,
    /// Sets that were wanted.
    pub wanted: StepCurve,
    /// The time that is judged.
    pub time: (u64, u64),
}

/// By what a course is judged, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criteria {
    /// What 95 % of the tasks of a window may take.
    pub objective: u64,
    /// Length of a window.
    pub window: u64,
    /// What a task takes besides waiting and work.
    pub path: u64,
    /// The most sets.
    pub most: u32,
}

/// The scores; of several layers together, percentages are means, numbers are sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// V, in percent.
    pub violations: f64,
    /// K, in replica-seconds.
    pub cost: f64,
    /// See [`Elasticity`].
    pub elasticity: Elasticity,
    /// Turns of the wanted number.
    pub flaps: f64,
    /// Seconds that 99 % of the tasks took at most; of several layers the longest.
    pub p99: f64,
}

impl Course {
    /// The fewest sets that would have met the criteria, over time; see [`needed_sets`]. It serves all tasks once per
    /// number of sets, so it is the costly part of a judgement.
    pub fn demand(&self, criteria: &Criteria) -> StepCurve {
        // What is too late with any number of sets is not the policy's doing, so demand is that of all tasks there were.
        let Criteria {
            objective,
            window,
            path,
            most,
        } = *criteria;
        needed_sets(&self.tasks, window, objective, path, most)
    }
}

impl Scores {
    /// Judges a course.
    pub fn of(course: &Course, criteria: &Criteria) -> Self {
        Self::against(course, &course.demand(criteria), criteria)
    }

    /// Judges a course whose demand is known.
    pub fn against(course: &Course, demand: &StepCurve, criteria: &Criteria) -> Self {
        let (from, to) = course.time;
        let inside = |task: &&ServedTask| (from..to).contains(&task.ready);
        let tasks: Vec<ServedTask> = course.tasks.iter().filter(inside).copied().collect();
        let Criteria {
            objective, window, ..
        } = *criteria;
        Self {
            violations: violations(&tasks, window, objective),
            cost: course.existing.area(from, to),
            elasticity: elasticity(&course.supply, demand, from, to, window),
            flaps: f64::from(flaps(&course.wanted, from, to)),
            p99: slow(&tasks),
        }
    }

    /// Several layers as one; none gives zeros.
    pub fn together(layers: &[Self]) -> Self {
        let count = layers.len().max(1) as f64;
        let mean = |of: fn(&Self) -> f64| layers.iter().map(of).sum::<f64>() / count;
        Self {
            violations: mean(|scores| scores.violations),
            cost: layers.iter().map(|scores| scores.cost).sum(),
            elasticity: Elasticity {
                under_accuracy: mean(|scores| scores.elasticity.under_accuracy),
                over_accuracy: mean(|scores| scores.elasticity.over_accuracy),
                under_time: mean(|scores| scores.elasticity.under_time),
                over_time: mean(|scores| scores.elasticity.over_time),
                instability: mean(|scores| scores.elasticity.instability),
            },
            flaps: layers.iter().map(|scores| scores.flaps).sum(),
            p99: layers.iter().map(|scores| scores.p99).fold(0.0, f64::max),
        }
    }
}

/// The smallest response that 99 % of the tasks do not exceed, in seconds; 0 without tasks.
fn slow(tasks: &[ServedTask]) -> f64 {
    let mut responses: Vec<u64> = tasks.iter().map(|task| task.response).collect();
    responses.sort_unstable();
    let rank = (responses.len() * 99).div_ceil(100);
    let slow = rank.checked_sub(1).and_then(|rank| responses.get(rank));
    slow.map_or(0.0, |nanos| *nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: ten tasks of 1 s, one per second, two sets that both serve for all of it; one of them is enough.
    #[test]
    fn a_course_has_the_scores_computed_by_hand() {
        const SECOND: u64 = 1_000_000_000;
        let task = |n: u64| ServedTask {
            ready: n * SECOND,
            worked: SECOND / 2,
            response: SECOND * (n + 1) / 10,
        };
        let two: StepCurve = [(0, 2.0)].into_iter().collect();
        let course = Course {
            tasks: (0..10).map(task).collect(),
            supply: two.clone(),
            existing: two.clone(),
            wanted: two,
            time: (0, 10 * SECOND),
        };
        let criteria = Criteria {
            objective: SECOND * 9 / 10,
            window: SECOND,
            path: 0,
            most: 4,
        };
        let scores = Scores::of(&course, &criteria);
        assert_eq!(scores.violations, 10.0, "one of ten windows has a late task");
        assert_eq!((scores.cost, scores.flaps, scores.p99), (20.0, 0.0, 1.0));
        assert_eq!(scores.elasticity.over_accuracy, 100.0);
        let both = Scores::together(&[scores, scores]);
        assert_eq!((both.cost, both.violations), (40.0, 10.0));
    }
}
