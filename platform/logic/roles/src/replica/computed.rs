//! The jobs that a replica has repeated, or is repeating.
//!
//! A job comes more than once: in the request, in the order, in the order of every further view, and again if nobody answers. It is
//! computed once. If each of them cost its service time anew, a job that takes longer than the patience for a view would keep
//! the replicas busy for ever, and the set with them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tally_model::{Instant, Job};

/// Jobs remembered: far more than are under way at a time.
const REMEMBERED: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Computed {
    ready: BTreeMap<Job, Instant>,
    /// Oldest first.
    order: VecDeque<Job>,
    busy_until: Instant,
}

impl Computed {
    /// When the results of all `jobs` are there; those that are new are computed one after the other, each for its service time.
    pub(super) fn ready_at<'a>(
        &mut self,
        now: Instant,
        jobs: impl Iterator<Item = (&'a Job, Duration)>,
    ) -> Instant {
        jobs.map(|(job, service)| self.ready(now, job, service))
            .max()
            .unwrap_or(now)
    }

    fn ready(&mut self, now: Instant, job: &Job, service: Duration) -> Instant {
        if let Some(&ready) = self.ready.get(job) {
            return ready;
        }
        self.busy_until = self.busy_until.max(now) + service;
        self.ready.insert(job.clone(), self.busy_until);
        self.order.push_back(job.clone());
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.ready.remove(&oldest);
            }
        }
        self.busy_until
    }
}

#[cfg(test)]
mod tests {
    use tally_model::{Operation, RequestId, TaskId};

    use super::*;

    fn job(left: u32) -> Job {
        Job {
            task: TaskId {
                request: RequestId(7),
                index: 0,
            },
            operation: Operation::Add,
            expression: None,
            left: left.to_string(),
            right: "1".to_owned(),
        }
    }

    /// A job that comes again is ready when it was going to be; another one comes after it, also one with the same name.
    #[test]
    fn a_job_is_computed_once() {
        let mut computed = Computed::default();
        let mut at = |now, left| {
            let service = Duration::from_nanos(100);
            computed
                .ready_at(Instant::from_nanos(now), std::iter::once((&job(left), service)))
                .as_nanos()
        };
        assert_eq!(
            [at(5, 1), at(50, 1), at(60, 2), at(500, 1), at(500, 3)],
            [105, 105, 205, 105, 600]
        );
    }

    /// What is remembered is bounded.
    #[test]
    fn old_jobs_are_forgotten() {
        let mut computed = Computed::default();
        for left in 0..=REMEMBERED as u32 {
            computed.ready(Instant::ZERO, &job(left), Duration::ZERO);
        }
        assert_eq!(
            (computed.ready.len(), computed.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert!(!computed.ready.contains_key(&job(0)));
    }
}
