//! Demand, and where it was not met.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::StepCurve;

/// A task as it was served, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedTask {
    /// When it was ready.
    pub ready: u64,
    /// How long a set worked on it.
    pub worked: u64,
    /// From ready to answered.
    pub response: u64,
}

/// Share of the tasks of a window that may be late, in percent.
const LATE: usize = 5;

/// V: the percentage of windows with tasks in which more than 5 % of the tasks took longer than `objective`. A task belongs to
/// the window in which it was ready.
pub fn violations(tasks: &[ServedTask], window: u64, objective: u64) -> f64 {
    let late = late_windows(
        tasks.iter().map(|task| (task.ready, task.response)),
        window,
        objective,
    );
    let violated = late.iter().filter(|(_, violated)| *violated).count();
    100.0 * violated as f64 / late.len().max(1) as f64
}

/// d(t): the fewest sets, from 1 to `most`, with which at most 5 % of each window's tasks would have taken longer than
/// `objective`. Found by serving the very same tasks, first come first served, with every fixed number of sets.
///
/// What is not met by `most` sets needs `most`. `path` is what a task takes besides waiting and work. `tasks` are in the
/// order they were ready.
pub fn needed_sets(tasks: &[ServedTask], window: u64, objective: u64, path: u64, most: u32) -> StepCurve {
    let mut needed: Vec<(u64, f64)> = Vec::new();
    for sets in 1..=most {
        let served = serve(tasks, sets, path);
        let late = late_windows(served.into_iter(), window, objective);
        if needed.is_empty() {
            needed = late.iter().map(|(start, _)| (*start, f64::from(most))).collect();
        }
        for (need, (_, violated)) in needed.iter_mut().zip(&late) {
            if !violated && need.1 > f64::from(sets) {
                need.1 = f64::from(sets);
            }
        }
    }
    needed.into_iter().collect()
}

/// When each task was ready and how long it took with this many sets.
fn serve(tasks: &[ServedTask], sets: u32, path: u64) -> Vec<(u64, u64)> {
    let mut free: BinaryHeap<Reverse<u64>> = (0..sets).map(|_| Reverse(0)).collect();
    let one = |task: &ServedTask| {
        let Reverse(at) = free.pop().unwrap_or(Reverse(0));
        let end = at.max(task.ready) + task.worked;
        free.push(Reverse(end));
        (task.ready, end - task.ready + path)
    };
    tasks.iter().map(one).collect()
}

/// Start of each window with tasks, and whether too many of them were late.
fn late_windows(tasks: impl Iterator<Item = (u64, u64)>, window: u64, objective: u64) -> Vec<(u64, bool)> {
    let mut windows: std::collections::BTreeMap<u64, (usize, usize)> = std::collections::BTreeMap::new();
    for (ready, response) in tasks {
        let (all, late) = windows.entry(ready / window.max(1)).or_default();
        *all += 1;
        *late += usize::from(response > objective);
    }
    let violated = |(index, (all, late)): (u64, (usize, usize))| (index * window, late * 100 > all * LATE);
    windows.into_iter().map(violated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    /// Tasks of 10 ms each: one every 10 ms for a second, then four every 10 ms for a second.
    fn tasks() -> Vec<ServedTask> {
        let task = |ready: u64, response: u64| ServedTask {
            ready: ready * MILLI,
            worked: 10 * MILLI,
            response: response * MILLI,
        };
        let quiet = (0..100).map(|n| task(n * 10, 11));
        let busy = (0..400).map(|n| task(1_000 + n / 4 * 10, if n < 30 { 200 } else { 12 }));
        quiet.chain(busy).collect()
    }

    /// One set keeps up with the first second; four are needed for the second one.
    #[test]
    fn demand_is_the_fewest_sets_that_are_in_time() {
        let needed = needed_sets(&tasks(), 1_000 * MILLI, 50 * MILLI, MILLI, 8);
        assert_eq!(needed.at(0), 1.0);
        assert_eq!(needed.at(1_500 * MILLI), 4.0);
        let none = needed_sets(&tasks(), 1_000 * MILLI, 5 * MILLI, MILLI, 8);
        assert_eq!(none.at(0), 8.0, "what nothing meets needs everything");
    }

    /// 30 of 400 tasks are 7.5 %, of all 500 they are 6 %: more than 5 % either way.
    #[test]
    fn a_window_is_violated_by_more_than_five_percent() {
        assert_eq!(violations(&tasks(), 1_000 * MILLI, 50 * MILLI), 50.0);
        assert_eq!(violations(&tasks(), 10_000 * MILLI, 50 * MILLI), 100.0);
        assert_eq!(violations(&tasks(), 1_000 * MILLI, 250 * MILLI), 0.0);
        assert_eq!(violations(&[], 1_000 * MILLI, 50 * MILLI), 0.0);
    }
}
