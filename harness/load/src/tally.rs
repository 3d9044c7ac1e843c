//! What one sending thread counts; threads are merged by addition.

use hdrhistogram::Histogram;

use crate::{SendError, Sent};

/// An hour in nanoseconds: more lag than a run can have.
const LONGEST: u64 = 3_600_000_000_000;
/// A request sent later than this is late.
const LATE: u64 = 5_000_000;

/// An empty histogram of nanoseconds, three significant digits.
pub fn nanos_histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST, 3) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("constant bounds are valid: {error}"),
    }
}

/// The span of both.
pub(crate) fn widen(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The counters of one thread.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) lag: Histogram<u64>,
    pub(crate) late: u64,
    pub(crate) cold: u64,
    pub(crate) starved: u64,
    pub(crate) malformed: u64,
    pub(crate) malformed_reason: Option<&'static str>,
    pub(crate) sent: u64,
    pub(crate) dropped: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    /// First and last intended time of the requests that were sent.
    pub(crate) intended: (u64, u64),
    /// First and last time at which one was sent.
    pub(crate) achieved: (u64, u64),
    pub(crate) stalled: u64,
    pub(crate) relieved: u64,
    pub(crate) unanswered: u64,
    pub(crate) realtime: bool,
    pub(crate) cpu_ns: u64,
    pub(crate) run_delay_ns: u64,
    pub(crate) naps_ns: u64,
    pub(crate) elapsed_ns: u64,
    last_starved: Option<u32>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            lag: nanos_histogram(),
            late: 0,
            cold: 0,
            starved: 0,
            malformed: 0,
            malformed_reason: None,
            sent: 0,
            dropped: 0,
            refused: 0,
            unknown: 0,
            intended: (u64::MAX, 0),
            achieved: (u64::MAX, 0),
            stalled: 0,
            relieved: 0,
            unanswered: 0,
            realtime: false,
            cpu_ns: 0,
            run_delay_ns: 0,
            naps_ns: 0,
            elapsed_ns: 0,
            last_starved: None,
        }
    }

    pub(crate) fn record_lag(&mut self, nanos: u64) {
        self.lag.saturating_record(nanos.max(1));
        self.late += u64::from(nanos > LATE);
    }

    /// A request is over.
    pub(crate) fn resolved(&mut self, request: &Sent) {
        if let Some(sent) = request.sent_ns {
            self.sent += 1;
            self.intended = widen(self.intended, (request.intended_ns, request.intended_ns));
            self.achieved = widen(self.achieved, (sent, sent));
        }
        match request.error {
            Some(SendError::NeverSent) => self.dropped += 1,
            Some(SendError::Refused) => self.refused += 1,
            Some(SendError::Unknown) => self.unknown += 1,
            None => {}
        }
    }

    /// `shot` had to wait because every connection was busy; counted once.
    pub(crate) fn mark_starved(&mut self, shot: u32) {
        if self.last_starved != Some(shot) {
            self.last_starved = Some(shot);
            self.starved += 1;
        }
    }
}
