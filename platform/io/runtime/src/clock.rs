//! Real time: the wall clock read once, the monotonic clock ever after.

use std::future::Future;
use std::time::SystemTime;

use tally_model::Instant;
use tally_ports::Clock;

/// The machine's time. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: std::time::Instant,
    epoch: u64,
}

impl SystemClock {
    /// Reads the wall clock once.
    pub fn start() -> Self {
        let epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() as u64);
        Self {
            origin: std::time::Instant::now(),
            epoch,
        }
    }

    /// Our instant as the standard library's.
    pub fn to_std(&self, at: Instant) -> std::time::Instant {
        self.origin + at.since(Instant::from_nanos(self.epoch))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.epoch) + self.origin.elapsed()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send {
        tokio::time::sleep_until(self.to_std(at).into())
    }
}
