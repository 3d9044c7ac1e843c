//! One message in a queue, as the queue sees it.

use tally_model::Instant;

use crate::policy::QueueId;

/// Names a message for as long as it exists. Grows with every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// Where a message is and how often it was received: all that must be persisted about it beside its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The queue it is in now.
    pub queue: QueueId,
    /// Receives in this queue so far.
    pub received: u32,
}

/// A message that is not deleted.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) body: String,
    pub(crate) placement: Placement,
    /// Serial number of its newest receipt, if it was received since it was sent or loaded.
    pub(crate) receipt: Option<u64>,
    pub(crate) state: State,
}

/// Who may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Anybody: it waits at this place in the line.
    Visible(u64),
    /// The holder of the newest receipt, until then.
    Leased(Instant),
    /// Nobody, until then.
    Delayed(Instant),
}
