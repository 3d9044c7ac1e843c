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

/// The bytes to sign. Most are short, and every member makes some for every message: those take no memory of their own.
#[derive(Debug)]
pub(crate) struct Statement {
    short: [u8; SHORT],
    /// How many of `short` count.
    len: usize,
    /// All bytes, if they are too many for `short`.
    long: Vec<u8>,
}

/// Bytes of a statement about a digest, and some more.
const SHORT: usize = 128;

impl Statement {
    fn of(head: &[u8; HEAD], body: &[u8]) -> Self {
        let len = HEAD + body.len();
        let mut statement = Self {
            short: [0; SHORT],
            len,
            long: Vec::new(),
        };
        match statement.short.get_mut(..len) {
            Some(room) => {
                room[..HEAD].copy_from_slice(head);
                room[HEAD..].copy_from_slice(body);
            }
            None => statement.long = [&head[..], body].concat(),
        }
        statement
    }
}

/// Bytes before the body: all fields whose width is fixed.
const HEAD: usize = DOMAIN.len() + 1 + 2 + size_of::<ClusterId>() + 1 + 4 + 4 + 4 + 8 + 2;
const DOMAIN: &[u8; 25] = b"tally consensus statement";

/// Puts a part of a width that is known when this is compiled; returns what is left.
fn put<'a, const N: usize>(rest: &'a mut [u8], part: &[u8; N]) -> &'a mut [u8] {
    let (room, rest) = rest.split_at_mut(N);
    room.copy_from_slice(part);
    rest
}

impl std::ops::Deref for Statement {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.long.is_empty() {
            &self.short[..self.len]
        } else {
            &self.long
        }
    }
}

impl Scope {
    /// The bytes to sign. All fields but the last have a fixed width, so no two statements share bytes.
    pub(crate) fn statement(&self, kind: Kind, sequence: u64, sender: NodeId, body: &[u8]) -> Statement {
        let mut head = [0; HEAD];
        let rest = put(&mut head, DOMAIN);
        let rest = put(rest, &[kind.tag()]);
        let rest = put(rest, &PROTOCOL_VERSION.to_be_bytes());
        let rest = put(rest, &self.cluster);
        let rest = put(rest, &[self.set.operation.index() as u8]);
        let rest = put(rest, &self.set.number.to_be_bytes());
        let rest = put(rest, &self.epoch.0.to_be_bytes());
        let rest = put(rest, &self.view.to_be_bytes());
        let rest = put(rest, &sequence.to_be_bytes());
        let sender = match sender {
            NodeId::Control => [0, 0],
            NodeId::Worker(_) => [1, 0],
            NodeId::Replica(_, index) => [2, index],
        };
        put(rest, &sender);
        Statement::of(&head, body)
    }

    /// What a member signs about a batch: its size and the root over (job digest, outcome).
    pub(crate) fn vote(&self, sequence: u64, member: u8, leaves: u16, root: Digest) -> Statement {
        self.result(Kind::Vote, sequence, member, leaves, root)
    }

    /// As [`Scope::vote`], of another kind.
    pub(crate) fn result(
        &self,
        kind: Kind,
        sequence: u64,
        member: u8,
        leaves: u16,
        root: Digest,
    ) -> Statement {
        let mut body = [0; 34];
        body[..2].copy_from_slice(&leaves.to_be_bytes());
        body[2..].copy_from_slice(&root.0);
        self.statement(kind, sequence, NodeId::Replica(self.set, member), &body)
    }
}

#[cfg(test)]
mod tests {
    use tally_model::Operation;

    use super::*;

    /// A statement holds all its bytes in their order, at every length around that from which on it is a long one.
    #[test]
    fn short_and_long_statements_hold_the_same() {
        let set = SetId {
            operation: Operation::Add,
            number: 3,
        };
        let scope = Scope {
            cluster: [7; 16],
            suite: Suite::Modern,
            set,
            epoch: Epoch(2),
            view: 1,
        };
        let head = scope
            .statement(Kind::Status, 9, NodeId::Replica(set, 1), &[])
            .to_vec();
        for length in 0..2 * SHORT {
            let body: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let statement = scope.statement(Kind::Status, 9, NodeId::Replica(set, 1), &body);
            assert_eq!(*statement, [&head[..], &body].concat());
        }
    }
}
