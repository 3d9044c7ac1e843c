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

/// The state of one layer and its sets at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// When the decision is made.
    pub now: Instant,
    /// Which layer.
    pub operation: Operation,
    /// Tasks enqueued since the previous signal and contained in the reading.
    pub arrivals: u64,
    /// The newest look at the layer; none if the queue did not answer.
    pub reading: Option<Reading>,
    /// Time that all workers of the layer together were busy since the previous signal, if known.
    pub busy: Option<Duration>,
    /// Sets that take tasks.
    pub ready: u32,
    /// Sets that are being created or repaired and will take tasks soon.
    pub starting: u32,
}

impl Signal {
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
