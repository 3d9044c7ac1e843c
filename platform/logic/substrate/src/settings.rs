//! What the platform's queues are configured with.

use std::time::Duration;

use tally_model::QueueName;

use crate::policy::{Policy, Redrive};

/// Settings of all queues; the same meaning as the attributes `VisibilityTimeout` and `maxReceiveCount` of SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a received message stays invisible unless its lease is extended.
    pub visibility: Duration,
    /// Receives without a delete before a message is dead-lettered; 0 is taken as 1.
    pub receives: u32,
}

impl Settings {
    /// What that means for one of the queues.
    pub(crate) fn policy(self, queue: QueueName) -> Policy {
        Policy {
            visibility: self.visibility,
            redrive: (queue != QueueName::Dead).then_some(Redrive {
                to: QueueName::Dead.into(),
                receives: self.receives,
            }),
        }
    }
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
