//! The values that pass the seams: deliveries, versions, pods. The traits are in `tally-ports`.

use serde::{Deserialize, Serialize};

use crate::{NodeId, Operation, QueueName};

/// The right to delete or extend one receive of one message. Stale once the message is received again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt(pub String);

/// One received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What was sent.
    pub body: String,
    /// Needed to delete it.
    pub receipt: Receipt,
    /// How often it was received, this time included; at least 1.
    pub received: u32,
}

/// How many messages there are, approximately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Receivable now.
    pub visible: u64,
    /// Received and neither deleted nor timed out.
    pub in_flight: u64,
}

/// A value and the version that compare-and-put refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The value.
    pub value: String,
    /// Grows with every write of the store, never reused; at least 1.
    pub version: u64,
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// The key does not exist.
    Absent,
    /// The key has this version.
    Version(u64),
}

/// What became of a write. Losing a comparison is ordinary, so it is a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Durable, under this version.
    Written(u64),
    /// The precondition did not hold; this is what was there.
    Refused(Option<Versioned>),
}

/// A key, and the message that is sent if nobody wrote the key before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where the message goes.
    pub queue: QueueName,
    /// The message.
    pub body: String,
}

/// One change seen by a watch; `None` means deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its newest value.
    pub value: Option<Versioned>,
}

/// A pod that should exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// Its place in the platform.
    pub node: NodeId,
    /// Which occupant of the place; with the node it makes the pod's name.
    pub incarnation: u32,
    /// The configuration handed to the process, JSON (see `tally_model::PlatformConfig`).
    pub config: String,
}

impl PodSpec {
    /// The pod's name: `add-3-worker-0`, `add-3-replica-2-1` (place, then incarnation).
    pub fn name(&self) -> String {
        format!("{}-{}", self.node.to_string().replace('/', "-"), self.incarnation)
    }
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PodPhase {
    /// Exists, does not answer yet.
    Starting,
    /// Listens on its address.
    Running,
    /// Its process is gone.
    Gone,
}

/// A pod that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// See [`PodSpec::name`].
    pub name: String,
    /// Its place.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// Where it is in its life.
    pub phase: PodPhase,
    /// Host and port of its gRPC server, once it runs.
    pub address: Option<String>,
    /// Process id on this machine, if it is a process of this machine.
    pub process: Option<u32>,
}

/// A named group of pods behind one address: the load balancer `LB_f` of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name, `add`.
    pub name: String,
    /// The workers of this operation belong to it.
    pub operation: Operation,
    /// Addresses of the workers that run, filled in on reading.
    #[serde(default)]
    pub endpoints: Vec<String>,
}

/// A change of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodEvent {
    /// The pod as it is now.
    pub pod: Pod,
}
