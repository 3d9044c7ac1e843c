//! The record of a worker set in the metadata store, under `sets/<id>`, written by the cluster service alone.

use serde::{Deserialize, Serialize};

use crate::{Epoch, Instant, NodeId, SetId};

/// What a member of a set does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Computes.
    Worker,
    /// Orders and collects the votes (the leader of the current view).
    Leader,
    /// Votes.
    Follower,
}

impl MemberRole {
    /// The name used in flags and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Leader => "leader",
            Self::Follower => "follower",
        }
    }
}

/// One process or pod of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its place.
    pub node: NodeId,
    /// How often the place was filled before; a replacement is one higher and has a key of its own.
    pub incarnation: u32,
    /// Host and port of its gRPC server.
    pub address: String,
    /// Public key in the encoding of the suite, as hexadecimal digits.
    pub public_key: String,
}

/// Where a set is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetState {
    /// Members are being created.
    Starting,
    /// Takes tasks.
    Ready,
    /// A member is being replaced; takes no new tasks.
    Fenced,
    /// Finishes what it has, then goes.
    Draining,
}

/// A worker set: its members, their addresses and keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRecord {
    /// Its name.
    pub id: SetId,
    /// Raised with every change of members; in `collect` of the leader too.
    pub epoch: Epoch,
    /// The epoch in which it first was complete. Its members then have nothing to learn; whoever comes later has.
    #[serde(default)]
    pub founded: Option<Epoch>,
    /// Where it is in its life.
    pub state: SetState,
    /// Index of the leading replica: drawn by seed and epoch in `collect` (the report's randomised election), the primary that
    /// the worker last heard f+1 replicas name in `pbft`.
    pub leader: u8,
    /// The worker, once it is up.
    pub worker: Option<Member>,
    /// The replicas that are up, by index; empty with `protocol = none`.
    pub replicas: Vec<Member>,
    /// When its creation was asked for.
    pub created: Instant,
    /// When it first was ready.
    pub ready: Option<Instant>,
}

impl SetRecord {
    /// The role that `node` has in this set now.
    pub fn role_of(&self, node: NodeId) -> Option<MemberRole> {
        match node {
            NodeId::Worker(set) if set == self.id => Some(MemberRole::Worker),
            NodeId::Replica(set, index) if set == self.id && index == self.leader => Some(MemberRole::Leader),
            NodeId::Replica(set, _) if set == self.id => Some(MemberRole::Follower),
            NodeId::Control | NodeId::Worker(_) | NodeId::Replica(..) => None,
        }
    }

    /// Every member that is up.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.worker.iter().chain(&self.replicas)
    }
}
