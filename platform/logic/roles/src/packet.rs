//! What nodes say to each other.

use std::time::Duration;

use tally_consensus::Message;
use tally_model::{FaultEvent, Job, Outcome, SetRecord, TaskId, TaskMessage};

use crate::fleet::Led;

/// One message between two nodes. The transport promises nothing, so every packet may be lost, doubled or late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Control to a member: the set you are part of. Repeating it is harmless; a higher epoch replaces a lower one.
    Configure(SetRecord),
    /// Control to a worker: compute this. Repeating it is harmless.
    Assign(TaskMessage),
    /// Worker to control: I have as many tasks as I may have, send this one elsewhere or later.
    Busy(TaskId),
    /// Worker to control: a task is finished.
    Done(Box<TaskDone>),
    /// Worker to control: a member does not do its part; belongs on the fault bus.
    Suspect(FaultEvent),
    /// Worker to control: f+1 of its replicas are in a view with this primary.
    Led(Led),
    /// Between the members of one set.
    Set(Message),
}

/// A finished task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskDone {
    /// Which job.
    pub job: Job,
    /// What came out: the certified value, whatever the worker computed itself (C8).
    pub outcome: Outcome,
    /// See `tally_consensus::Certificate`; none with `protocol = none`.
    pub certificate: Option<Vec<u8>>,
    /// Votes in the certificate; 0 without one.
    pub votes: u8,
    /// Replicas of the set, n; 0 with `protocol = none`.
    pub members: u8,
    /// From taking the task up to having the own result: the service time. Waiting and agreement are not in it.
    pub worked: Duration,
    /// From reaching the worker to being taken up: it works on one task at a time.
    pub waited: Duration,
}
