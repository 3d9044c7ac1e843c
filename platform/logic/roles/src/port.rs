//! What roles ask of the ports, and what comes back: the narrow waist between machines and drivers.
//!
//! Every command carries a token chosen by the machine where it needs to know which answer belongs to which question.
//! Answers come in any order. A failed command comes back as an event; whether to try again is the machine's decision.

use std::time::Duration;

use tally_model::{
    Change, Delivery, Depth, Entry, Pod, PodSpec, Precondition, Put, QueueName, Receipt, Service, Versioned,
};

/// Chosen by the machine, returned with the answer.
pub type Token = u64;

/// Longest wait of one receive (SQS's limit); an empty answer makes the machine ask again.
pub const LONG_WAIT: Duration = Duration::from_secs(20);

/// A port that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Trying again may help.
    pub transient: bool,
    /// For the log.
    pub message: String,
}

/// A question to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortCommand {
    /// Send messages; answered by [`PortEvent::Sent`] when they are durable.
    Send {
        /// See [`Token`].
        token: Token,
        /// Where to.
        queue: QueueName,
        /// What.
        bodies: Vec<String>,
    },
    /// Receive up to `limit` messages, waiting up to `wait` for the first; answered by exactly one [`PortEvent::Received`], which
    /// may be empty. A machine has at most one receive outstanding per queue.
    Receive {
        /// From where.
        queue: QueueName,
        /// How many at most.
        limit: usize,
        /// How long at most, [`LONG_WAIT`] or less; zero for what is there now.
        wait: Duration,
    },
    /// Delete received messages; answered by [`PortEvent::Deleted`].
    Delete {
        /// From where.
        queue: QueueName,
        /// Which.
        receipts: Vec<Receipt>,
    },
    /// Set the remaining lease of received messages; not answered.
    Extend {
        /// Where.
        queue: QueueName,
        /// Which.
        receipts: Vec<Receipt>,
        /// From now.
        lease: Duration,
    },
    /// Ask for the depth; answered by [`PortEvent::Depth`].
    Depth {
        /// Of which queue.
        queue: QueueName,
    },
    /// Read a key; answered by [`PortEvent::Got`].
    Get {
        /// See [`Token`].
        token: Token,
        /// Which key.
        key: String,
    },
    /// Read all keys with a prefix, in order, at most `limit`; answered by [`PortEvent::Listed`].
    List {
        /// See [`Token`].
        token: Token,
        /// The prefix.
        prefix: String,
        /// How many at most.
        limit: usize,
    },
    /// Write a key; answered by [`PortEvent::PutDone`].
    Put {
        /// See [`Token`].
        token: Token,
        /// Which key.
        key: String,
        /// Its value.
        value: String,
        /// Only if.
        when: Precondition,
    },
    /// Write a key that is absent and, if it was written, send a message: both or neither, where store and queue are one, and one
    /// after the other elsewhere. Answered by [`PortEvent::PutDone`] when what was done is durable; the message may be received
    /// before that.
    PutAndSend {
        /// See [`Token`].
        token: Token,
        /// Key and message.
        entry: Entry,
    },
    /// Delete a key; answered by [`PortEvent::KeyDeleted`].
    DeleteKey {
        /// See [`Token`].
        token: Token,
        /// Which key.
        key: String,
        /// Only if.
        when: Precondition,
    },
    /// Watch all keys with a prefix for ever; answered by [`PortEvent::Changed`] again and again, all existing keys first. The
    /// driver reopens a lost watch, after which all existing keys come again (deletions that were missed come as `None`).
    Watch {
        /// The prefix.
        prefix: String,
    },
    /// Create a pod; answered by [`PortEvent::PodCreated`].
    CreatePod(PodSpec),
    /// Delete a pod by name; answered by [`PortEvent::PodDeleted`].
    DeletePod(String),
    /// Watch pods for ever; answered by [`PortEvent::Pods`] again and again.
    WatchPods,
    /// Create a service; not answered.
    CreateService(Service),
}

/// An answer of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortEvent {
    /// To [`PortCommand::Send`].
    Sent(Token, Result<(), Trouble>),
    /// To [`PortCommand::Receive`].
    Received(QueueName, Result<Vec<Delivery>, Trouble>),
    /// To [`PortCommand::Delete`]: how many receipts were stale.
    Deleted(QueueName, Result<usize, Trouble>),
    /// To [`PortCommand::Depth`].
    Depth(QueueName, Result<Depth, Trouble>),
    /// To [`PortCommand::Get`].
    Got(Token, Result<Option<Versioned>, Trouble>),
    /// To [`PortCommand::List`]: keys and what they hold.
    Listed(Token, Result<Vec<(String, Versioned)>, Trouble>),
    /// To [`PortCommand::Put`] and [`PortCommand::PutAndSend`].
    PutDone(Token, Result<Put, Trouble>),
    /// To [`PortCommand::DeleteKey`]: whether the precondition held.
    KeyDeleted(Token, Result<bool, Trouble>),
    /// From a watch of the prefix.
    Changed(String, Vec<Change>),
    /// To [`PortCommand::CreatePod`], with the pod's name.
    PodCreated(String, Result<Pod, Trouble>),
    /// To [`PortCommand::DeletePod`], with the pod's name.
    PodDeleted(String, Result<(), Trouble>),
    /// From the pod watch: the pods that changed (all of them the first time). A pod that vanished has phase `Gone`.
    Pods(Vec<Pod>),
}
