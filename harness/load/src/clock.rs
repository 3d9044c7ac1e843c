//! Nanoseconds since the start of the run, read from the clock that sleeps are made on.

use std::time::Instant;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The monotonic clock with the start of the run as its zero. Times before the start read as zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: u64,
}

impl Clock {
    /// A clock that is zero at `start`, which may lie ahead.
    pub(crate) fn starting_at(start: Instant) -> Self {
        // `Instant` is this same clock but does not say its value, so the distance to it is measured: about 50 ns of error.
        let now = monotonic();
        let seen = Instant::now();
        let ahead = start.saturating_duration_since(seen).as_nanos() as u64;
        let passed = seen.saturating_duration_since(start).as_nanos() as u64;
        Self {
            origin: (now + ahead).saturating_sub(passed),
        }
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(self) -> u64 {
        monotonic().saturating_sub(self.origin)
    }

    /// Nanoseconds until the start; zero once it has passed.
    pub(crate) fn until_start(self) -> u64 {
        self.origin.saturating_sub(monotonic())
    }
}

fn monotonic() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// CPU time of the calling thread, nanoseconds of user and system together.
pub(crate) fn thread_cpu() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// `nanos` as the kernel wants it.
pub(crate) fn timespec(nanos: u64) -> Timespec {
    Timespec {
        tv_sec: (nanos / 1_000_000_000) as i64,
        tv_nsec: (nanos % 1_000_000_000) as i64,
    }
}
