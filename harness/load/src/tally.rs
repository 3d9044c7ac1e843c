//! What one sending thread counts; threads are merged by addition.

use hdrhistogram::Histogram;

/// An hour in nanoseconds: more lag than a run can have.
const LONGEST: u64 = 3_600_000_000_000;
/// A request sent later than this is late.
const LATE: u64 = 5_000_000;

/// An empty histogram of nanoseconds, three significant digits.
pub(crate) fn nanos_histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST, 3) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("constant bounds are valid: {error}"),
    }
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
    pub(crate) unforwarded: u64,
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
            unforwarded: 0,
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

    /// `shot` had to wait because every connection was busy; counted once.
    pub(crate) fn mark_starved(&mut self, shot: u32) {
        if self.last_starved != Some(shot) {
            self.last_starved = Some(shot);
            self.starved += 1;
        }
    }
}
