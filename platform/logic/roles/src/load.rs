//! What the layers did, as the scheduler tells it: counters under one metadata key, so that whoever decides on the number of
//! sets sees the same in every world, and a report that was missed loses nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_autoscale::Interval;
use tally_model::{Instant, Operation};

/// Watched by whoever wants the reports.
pub const LOAD_PREFIX: &str = "load/";

/// Where the scheduler writes its [`LoadReport`].
pub const LOAD_KEY: &str = "load/scheduler";

/// The value of [`LOAD_KEY`], as JSON: everything since the scheduler started.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// When it started; another start is another count.
    pub since: Instant,
    /// When this was true.
    pub at: Instant,
    /// One per operation, in the order of [`Operation::ALL`].
    pub layers: [Totals; 4],
}

/// Counters of one layer. They never go down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Tasks that became ready and are durable on the layer.
    pub arrivals: u64,
    /// Tasks that were answered.
    pub completions: u64,
    /// Service times of answered tasks, in nanoseconds.
    pub busy: u64,
    /// Their squares, in seconds squared.
    pub busy_squares: f64,
    /// Waiting of answered tasks, at the scheduler and at their worker, in nanoseconds.
    pub waiting: u64,
    /// From ready to answered, in nanoseconds.
    pub response: u64,
}

/// The times of one answered task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskTimes {
    /// Its service time.
    pub(crate) worked: Duration,
    /// What it waited; no more than the response.
    pub(crate) waiting: Duration,
    /// From ready to answered.
    pub(crate) response: Duration,
}

impl LoadReport {
    /// Nothing yet.
    pub(crate) fn begin(since: Instant) -> Self {
        Self {
            since,
            at: since,
            layers: Default::default(),
        }
    }

    pub(crate) const fn arrived(&mut self, operation: Operation, count: u64) {
        let arrivals = &mut self.layers[operation.index()].arrivals;
        *arrivals = arrivals.saturating_add(count);
    }

    pub(crate) fn answered(&mut self, operation: Operation, times: TaskTimes) {
        let totals = &mut self.layers[operation.index()];
        let add = |sum: &mut u64, time: Duration| {
            *sum = sum.saturating_add(tally_model::nanos(time));
        };
        totals.completions += 1;
        totals.busy_squares += times.worked.as_secs_f64().powi(2);
        add(&mut totals.busy, times.worked);
        add(&mut totals.waiting, times.waiting.min(times.response));
        add(&mut totals.response, times.response);
    }

    /// What every layer did since `earlier`, or since its start if this is another scheduler than that of `earlier`.
    ///
    /// # Errors
    /// Counters or time went backwards, which no scheduler does: the report is of no use.
    pub fn since(&self, earlier: &Self) -> Result<[Interval; 4], String> {
        let begun = Self::begin(self.since);
        let earlier = if earlier.since == self.since {
            earlier
        } else {
            &begun
        };
        if self.at < earlier.at {
            return Err("the report is older than the one before".to_owned());
        }
        let length = self.at.since(earlier.at);
        let mut intervals = [Interval::default(); 4];
        let layers = self.layers.iter().zip(&earlier.layers);
        for (interval, (now, before)) in intervals.iter_mut().zip(layers) {
            *interval = now
                .minus(before, length)
                .ok_or_else(|| "the counters of the report went backwards".to_owned())?;
        }
        Ok(intervals)
    }
}

impl Totals {
    fn minus(&self, before: &Self, length: Duration) -> Option<Interval> {
        let nanos = |now: u64, before: u64| now.checked_sub(before).map(Duration::from_nanos);
        let busy_squares = self.busy_squares - before.busy_squares;
        Some(Interval {
            length,
            arrivals: self.arrivals.checked_sub(before.arrivals)?,
            completions: self.completions.checked_sub(before.completions)?,
            busy: nanos(self.busy, before.busy)?,
            busy_squares: (busy_squares >= 0.0).then_some(busy_squares)?,
            waiting: nanos(self.waiting, before.waiting)?,
            response: nanos(self.response, before.response)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn task(millis: u64) -> TaskTimes {
        TaskTimes {
            worked: Duration::from_millis(millis),
            waiting: Duration::from_millis(5),
            response: Duration::from_millis(millis + 7),
        }
    }

    /// Two reports differ by what happened between them, and only on the layer where it happened.
    #[test]
    fn a_difference_is_what_happened_between_two_reports() {
        let mut report = LoadReport::begin(at(1));
        report.arrived(Operation::Mul, 5);
        report.answered(Operation::Mul, task(20));
        let earlier = LoadReport {
            at: at(1_001),
            ..report
        };
        report.arrived(Operation::Mul, 2);
        report.answered(Operation::Mul, task(30));
        report.answered(Operation::Mul, task(10));
        let later = LoadReport {
            at: at(2_001),
            ..report
        };
        let intervals = later.since(&earlier).unwrap();
        let mul = intervals[Operation::Mul.index()];
        assert_eq!((mul.arrivals, mul.completions), (2, 2));
        assert_eq!(
            (mul.length, mul.busy),
            (Duration::from_secs(1), Duration::from_millis(40))
        );
        assert_eq!(
            (mul.waiting, mul.response),
            (Duration::from_millis(10), Duration::from_millis(54))
        );
        assert!((mul.busy_squares - 0.001).abs() < 1e-12, "{}", mul.busy_squares);
        assert_eq!(intervals[Operation::Add.index()].arrivals, 0);
    }

    /// A new scheduler counts from its own start; counters and clocks that go backwards are refused.
    #[test]
    fn a_report_that_cannot_follow_is_refused() {
        let mut old = LoadReport::begin(at(0));
        old.arrived(Operation::Add, 100);
        old.at = at(5_000);
        let mut new = LoadReport::begin(at(6_000));
        new.arrived(Operation::Add, 3);
        new.at = at(7_000);
        let intervals = new.since(&old).unwrap();
        assert_eq!(intervals[0].arrivals, 3);
        assert_eq!(intervals[0].length, Duration::from_secs(1));
        let late = LoadReport { at: at(4_000), ..old };
        assert!(late.since(&old).is_err());
        let mut fewer = LoadReport { at: at(6_000), ..old };
        fewer.layers[0].arrivals = 99;
        assert!(fewer.since(&old).is_err());
        let mut nan = LoadReport { at: at(6_000), ..old };
        nan.layers[0].busy_squares = f64::NAN;
        assert!(nan.since(&old).is_err());
    }
}
