//! What a queue service is configured with.

use std::time::Duration;

/// Settings of all queues; the same meaning as the attributes `VisibilityTimeout` and `maxReceiveCount` of SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a received message stays invisible unless its lease is extended.
    pub visibility: Duration,
    /// Receives without a delete before a message is dead-lettered; 0 is taken as 1.
    pub receives: u32,
}

impl Default for Settings {
    /// 30 seconds (the default of SQS) and five receives.
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            receives: 5,
        }
    }
}
