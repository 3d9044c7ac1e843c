//! What every policy sees.

use std::time::Duration;

use tally_model::{Depth, Instant, Operation};

/// One look at the depth of a layer. Counts cannot be negative or NaN by type; what can go wrong is that there is no
/// look, or an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was true.
    pub at: Instant,
    /// What was seen.
    pub depth: Depth,
    /// How long the oldest visible message has waited, if the queue can tell.
    pub oldest_wait: Option<Duration>,
}

/// What a layer did between two reports of the scheduler, which sees every task come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// From one report to the other.
    pub length: Duration,
    /// Tasks that became ready.
    pub arrivals: u64,
    /// Tasks that were answered.
    pub completions: u64,
    /// Service times of the answered tasks, added up: the time that workers were busy for them.
    pub busy: Duration,
    /// Their squares, in seconds squared.
    pub busy_squares: f64,
    /// What they waited for a worker, added up.
    pub waiting: Duration,
    /// From ready to answered, added up.
    pub response: Duration,
}

impl Interval {
    /// This interval and the one that follows it as one.
    #[must_use]
    pub fn and(&self, next: &Self) -> Self {
        Self {
            length: self.length.saturating_add(next.length),
            arrivals: self.arrivals.saturating_add(next.arrivals),
            completions: self.completions.saturating_add(next.completions),
            busy: self.busy.saturating_add(next.busy),
            busy_squares: self.busy_squares + next.busy_squares,
            waiting: self.waiting.saturating_add(next.waiting),
            response: self.response.saturating_add(next.response),
        }
    }

    /// Whether anything can be concluded from it.
    ///
    /// # Errors
    /// It has no length, or its numbers contradict each other.
    pub fn check(&self) -> Result<(), String> {
        if self.length.is_zero() {
            return Err("the report covers no time".to_owned());
        }
        if !self.busy_squares.is_finite() || self.busy_squares < 0.0 {
            return Err(format!(
                "the squares of the service times are {}",
                self.busy_squares
            ));
        }
        if self.response < self.waiting {
            return Err("tasks waited longer than they took".to_owned());
        }
        Ok(())
    }
}

/// The state of one layer and its sets at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// When the decision is made.
    pub now: Instant,
    /// Which layer.
    pub operation: Operation,
    /// Tasks enqueued since the previous signal and contained in the reading.
    pub arrivals: u64,
    /// The newest look at the layer; none if the queue did not answer.
    pub reading: Option<Reading>,
    /// What the layer did, if there is a report that no earlier signal had, or what is wrong with that report.
    pub interval: Option<Result<Interval, String>>,
    /// 90 % of the sets that were started lately took at most this long from asked for to ready; none if none was.
    pub start_delay: Option<Duration>,
    /// Sets that take tasks.
    pub ready: u32,
    /// Sets that are being created or repaired and will take tasks soon.
    pub starting: u32,
}

impl Signal {
    /// The newest interval, if there is one that can be used.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn usable_interval(&self) -> Result<Option<Interval>, String> {
        match &self.interval {
            None => Ok(None),
            Some(Err(flaw)) => Err(flaw.clone()),
            Some(Ok(interval)) => interval.check().map(|()| Some(*interval)),
        }
    }

    /// Tasks that wait or are being worked on, in the layer's newest reading.
    ///
    /// # Errors
    /// Says why a policy cannot decide: there is no reading, or it is older than `stale_after`.
    pub fn backlog(&self, stale_after: Duration) -> Result<u64, String> {
        let Some(reading) = self.reading else {
            return Err("the depth of the layer is unknown".to_owned());
        };
        let age = self.now.since(reading.at);
        if age > stale_after {
            return Err(format!(
                "the depth is {} ms old, older than {} ms",
                age.as_millis(),
                stale_after.as_millis()
            ));
        }
        Ok(reading.depth.visible.saturating_add(reading.depth.in_flight))
    }
}
