//! Time.

use std::future::Future;

use tally_model::Instant;

/// The passage of time. Promises: monotonic; `sleep_until` never returns early.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Instant;
    /// Returns at or after `at`.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send;
}
