//! Where the time of one request went between its tasks.

use crate::shape::operands;
use crate::tasks::{Head, TaskTimes};

/// Three times of a request in nanoseconds, by the platform's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// When it was due.
    pub(crate) intended: u64,
    /// What the tasks of the chain that its last answer came from lay ready before they were handed to a worker, summed.
    pub(crate) queue_wait: u64,
    /// From its first ready task to its last certified answer.
    pub(crate) dag_wait: u64,
    /// The longest chain of service times (handed to a worker to certified answer): no scheduler could be faster.
    pub(crate) critical_path: u64,
}

impl Waits {
    /// Of a request with all of its tasks; none if one is missing, which an error of the arithmetic explains.
    pub(crate) fn of(head: &Head<'_>, tasks: &[TaskTimes]) -> Option<Self> {
        let intended = head.intended?;
        if let [whole] = tasks
            && whole.whole
        {
            return Some(Self {
                intended,
                queue_wait: whole.wait(),
                dag_wait: whole.done.saturating_sub(whole.ready),
                critical_path: whole.service(),
            });
        }
        let shape = operands(&head.expression);
        if shape.is_empty() || shape.len() != tasks.len() {
            return None;
        }
        let sorted = tasks
            .iter()
            .enumerate()
            .all(|(place, task)| usize::from(task.index) == place);
        let mut copy = Vec::new();
        let tasks = if sorted {
            tasks
        } else {
            copy.extend_from_slice(tasks);
            copy.sort_unstable_by_key(|task| task.index);
            let each_once = copy
                .iter()
                .enumerate()
                .all(|(place, task)| usize::from(task.index) == place);
            if !each_once {
                return None;
            }
            &copy
        };
        let mut longest: Vec<u64> = Vec::with_capacity(tasks.len());
        for (task, operands) in tasks.iter().zip(&shape) {
            let below = operands
                .iter()
                .flatten()
                .filter_map(|below| longest.get(usize::from(*below)));
            let below = below.max().copied().unwrap_or(0);
            longest.push(below.saturating_add(task.service()));
        }
        let first = tasks.iter().map(|task| task.ready).min()?;
        let last = tasks.iter().map(|task| task.done).max()?;
        Some(Self {
            intended,
            queue_wait: waited(tasks, &shape)?,
            dag_wait: last.saturating_sub(first),
            critical_path: longest.last().copied()?,
        })
    }

    /// The time of that name.
    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        Some(match name {
            "queue_wait" => self.queue_wait,
            "dag_wait" => self.dag_wait,
            "critical_path" => self.critical_path,
            _ => return None,
        })
    }
}

/// From the last task back, always to the operand that came later.
fn waited(tasks: &[TaskTimes], shape: &[crate::shape::Operands]) -> Option<u64> {
    let mut at = tasks.len() - 1;
    let mut sum = 0_u64;
    loop {
        sum = sum.saturating_add(tasks.get(at)?.wait());
        let below = shape.get(at)?.iter().flatten().map(|below| usize::from(*below));
        // Operands have smaller numbers than their task, so this ends.
        match below.max_by_key(|below| tasks.get(*below).map(|task| task.done)) {
            Some(next) if next < at => at = next,
            _ => return Some(sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tally_model::Operation as Layer;

    use super::*;

    fn waits(expression: &str, times: &[[u64; 4]]) -> Option<[u64; 3]> {
        waits_of(expression, times, false)
    }

    fn waits_of(expression: &str, times: &[[u64; 4]], whole: bool) -> Option<[u64; 3]> {
        let tasks: Vec<TaskTimes> = times
            .iter()
            .map(|[index, ready, dispatched, done]| TaskTimes {
                index: *index as u16,
                layer: Layer::Add,
                whole,
                ready: *ready,
                dispatched: *dispatched,
                done: *done,
            })
            .collect();
        let head = Head {
            intended: Some(1),
            expression: Cow::Borrowed(expression),
        };
        let waits = Waits::of(&head, &tasks)?;
        Some([waits.queue_wait, waits.dag_wait, waits.critical_path])
    }

    /// Waiting counts along the chain that decided the end; the critical path is the longest chain of service times, which may
    /// be another one; the whole is from the first ready task to the last answer. The order of the tasks does not matter.
    #[test]
    fn times_follow_the_tasks() {
        let (left, right, root) = ([0, 10, 15, 35], [1, 10, 40, 50], [2, 50, 53, 60]);
        let expected = Some([33, 50, 27]);
        assert_eq!(waits("(1+2)*(3+4)", &[left, right, root]), expected);
        assert_eq!(waits("(1+2)*(3+4)", &[right, left, root]), expected);
        assert_eq!(waits("1+2", &[[0, 10, 15, 35]]), Some([5, 25, 20]));
    }

    /// A whole expression is a chain of one, however many operations it has.
    #[test]
    fn a_whole_expression_is_a_chain_of_one() {
        let expected = Some([5, 25, 20]);
        assert_eq!(waits_of("(1+2)*(3+4)", &[[0, 10, 15, 35]], true), expected);
    }

    /// A request whose tasks are not all there, or of which one is there twice, has no such times.
    #[test]
    fn missing_tasks_give_no_times() {
        assert_eq!(waits("(1+2)*(3+4)", &[[0, 10, 15, 35], [1, 10, 40, 50]]), None);
        assert_eq!(waits("(1+2)*3", &[[0, 10, 15, 35], [0, 10, 15, 35]]), None);
        assert_eq!(waits("7", &[]), None);
    }
}
