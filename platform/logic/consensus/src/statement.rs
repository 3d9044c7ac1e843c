//! What is signed: every statement names its kind, the protocol version, cluster, set, epoch, view, sequence and sender.
//!
//! Whoever replays a signature elsewhere (another request, set, epoch, cluster or kind) replays a different statement.

use tally_model::{Epoch, NodeId, SetId, Suite};

use crate::digest::Digest;

/// Raised whenever the meaning of a statement changes.
pub const PROTOCOL_VERSION: u16 = 1;

/// A cluster: 16 bytes drawn when it is created.
pub type ClusterId = [u8; 16];

/// Where a statement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which cluster.
    pub cluster: ClusterId,
    /// Which suite its digests and signatures are of.
    pub suite: Suite,
    /// Which set.
    pub set: SetId,
    /// Which membership of the set.
    pub epoch: Epoch,
    /// Which view of the epoch; always 0 in `collect`, which has no views.
    pub view: u32,
}

/// What kind of statement, so that none can be read as another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The worker asks for a batch.
    Propose,
    /// A member's result of a batch: PREPARE of the leader, COMMIT of a follower.
    Vote,
    /// The leader answers the worker.
    Reply,
    /// The leader could not collect.
    NoQuorum,
    /// The leader's view of who votes.
    Health,
    /// `pbft`: the worker asks for a batch.
    Request,
    /// `pbft`: the primary orders.
    PrePrepare,
    /// `pbft`: a backup has the order.
    Prepare,
    /// `pbft`: a member is prepared.
    Commit,
    /// `pbft`: a member's result of a request.
    Executed,
    /// `pbft`: a member's state.
    Checkpoint,
    /// `pbft`: a member leaves a view.
    ViewChange,
    /// `pbft`: a primary opens a view.
    NewView,
    /// `pbft`: how far a member is.
    Status,
}

impl Kind {
    const fn tag(self) -> u8 {
        match self {
            Self::Propose => 1,
            Self::Vote => 2,
            Self::Reply => 3,
            Self::NoQuorum => 4,
            Self::Health => 5,
            Self::Request => 6,
            Self::PrePrepare => 7,
            Self::Prepare => 8,
            Self::Commit => 9,
            Self::Executed => 10,
            Self::Checkpoint => 11,
            Self::ViewChange => 12,
            Self::NewView => 13,
            Self::Status => 14,
        }
    }
}

impl Scope {
    /// The bytes to sign. All fields but the last have a fixed width, so no two statements share bytes.
    pub(crate) fn statement(&self, kind: Kind, sequence: u64, sender: NodeId, body: &[u8]) -> Vec<u8> {
        const DOMAIN: &[u8] = b"tally consensus statement";
        let mut bytes = Vec::with_capacity(DOMAIN.len() + 48 + body.len());
        bytes.extend_from_slice(DOMAIN);
        bytes.push(kind.tag());
        bytes.extend_from_slice(&PROTOCOL_VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.cluster);
        bytes.push(self.set.operation.index() as u8);
        bytes.extend_from_slice(&self.set.number.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.0.to_be_bytes());
        bytes.extend_from_slice(&self.view.to_be_bytes());
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&match sender {
            NodeId::Control => [0, 0],
            NodeId::Worker(_) => [1, 0],
            NodeId::Replica(_, index) => [2, index],
        });
        bytes.extend_from_slice(body);
        bytes
    }

    /// What a member signs about a batch: its size and the root over (job digest, outcome).
    pub(crate) fn vote(&self, sequence: u64, member: u8, leaves: u16, root: Digest) -> Vec<u8> {
        self.result(Kind::Vote, sequence, member, leaves, root)
    }

    /// As [`Scope::vote`], of another kind.
    pub(crate) fn result(&self, kind: Kind, sequence: u64, member: u8, leaves: u16, root: Digest) -> Vec<u8> {
        let mut body = [0; 34];
        body[..2].copy_from_slice(&leaves.to_be_bytes());
        body[2..].copy_from_slice(&root.0);
        self.statement(kind, sequence, NodeId::Replica(self.set, member), &body)
    }
}
