//! Which queue, and what it does with what was received and not deleted.

use std::time::Duration;

use tally_model::QueueName;

/// Names a queue of the model. The platform's eight are those of [`QueueName`]; more may be configured from
/// [`QueueId::FIRST_FREE`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub u32);

impl QueueId {
    /// The first id that is none of the platform's queues.
    pub const FIRST_FREE: Self = Self(QueueName::ALL.len() as u32);
}

impl From<QueueName> for QueueId {
    fn from(name: QueueName) -> Self {
        Self(name.index() as u32)
    }
}

/// How one queue leases and gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a received message stays invisible unless its lease is extended.
    pub visibility: Duration,
    /// Where messages go that nobody deletes; `None` keeps them for ever.
    pub redrive: Option<Redrive>,
}

impl Default for Policy {
    /// 30 seconds, the default of SQS; nothing is given up.
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            redrive: None,
        }
    }
}

/// The same meaning as the `RedrivePolicy` of SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue.
    pub to: QueueId,
    /// Receives without a delete before a message is moved there; 0 is taken as 1.
    pub receives: u32,
}
