//! The sizes of the protocol: fixed in operation, small in tests so that every edge is met often.

use std::time::Duration;

use tally_model::PlatformConfig;

/// Sizes and waits of one replica. All replicas of a set must have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// K: a checkpoint every so many places in the order; at least 1.
    pub interval: u64,
    /// L: places between the watermarks, at least 2K and at most [`super::MAX_PROVEN`].
    pub window: u64,
    /// Ordered places that are not executed yet at which a primary waits and gathers a larger batch.
    pub pipeline: u64,
    /// T: how long a backup waits for a request before it leaves the view.
    pub patience: Duration,
    /// How long after the connection to the primary broke a backup leaves the view.
    pub grace: Duration,
    /// After how long without progress a member says how far it is.
    pub murmur: Duration,
}

impl Settings {
    /// K = 32 and L = 64. The paper measured with 128 and 256 (section 6); but a view change proves, and prepares again, every place
    /// since the last checkpoint, and clients wait for it, while a checkpoint four times as often adds 3 % of the cryptography of
    /// its places. T is an eighth of the quorum timeout: a view change costs messages only, while that timeout has a member replaced.
    pub fn of(config: &PlatformConfig) -> Self {
        let timeout = config.timing.quorum_timeout;
        Self {
            interval: 32,
            window: 64,
            pipeline: 8,
            patience: timeout / 8,
            grace: timeout / 128,
            murmur: timeout / 16,
        }
    }
}
