//! What the members of a `pbft` set say to each other (OSDI'99, sections 4.2 to 4.4; table of the module).
//!
//! Which view a message is of stands in [`crate::Message::view`]; it is 0 for messages that are of no view.

use std::sync::Arc;

use tally_model::{Epoch, Outcome};

use crate::Signature;
use crate::certificate::Vote;
use crate::digest::Digest;
use crate::message::Item;

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// See [`Request`].
    Request(Request),
    /// See [`PrePrepare`].
    PrePrepare(PrePrepare),
    /// See [`Prepare`].
    Prepare(Prepare),
    /// See [`Commit`].
    Commit(Commit),
    /// See [`Reply`]. The view is the sender's, as a hint where the primary is.
    Reply(Reply),
    /// See [`Checkpoint`].
    Checkpoint(Checkpoint),
    /// See [`ViewChange`].
    ViewChange(ViewChange),
    /// See [`NewView`].
    NewView(NewView),
    /// See [`Status`]. The view is the sender's.
    Status(Status),
    /// Batches that somebody misses; their digests prove them.
    Batches(Vec<Batch>),
    /// See [`State`].
    State(State),
}

/// REQUEST: one client asks for up to 64 jobs. A worker is several clients, one per slot (design decision 17), each with one
/// request outstanding and timestamps that grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which occupant of the worker's place: a new worker counts its timestamps from 1 again.
    pub incarnation: u32,
    /// Which client of the worker, below [`super::SLOTS`].
    pub slot: u8,
    /// Grows with every request of the slot.
    pub timestamp: u64,
    /// 1 to [`crate::MAX_BATCH`] jobs; shared, because every member is sent the same.
    pub items: Arc<[Item]>,
    /// The worker's.
    pub signature: Signature,
}

/// What gets one sequence number: requests of different slots, [`crate::MAX_BATCH`] jobs at most in all, or a change of members.
/// Empty: the null request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The requests, in the order in which they are executed.
    pub requests: Vec<Request>,
    /// See [`Reconfig`]; never beside requests.
    pub reconfig: Option<Reconfig>,
}

/// RECONFIG: the members go over to the next epoch at this place in the order. A member agrees if its control plane announced
/// the same membership to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconfig {
    /// The epoch that begins.
    pub epoch: Epoch,
    /// Of the membership: who has which place and which key.
    pub membership: Digest,
    /// The view it begins with, below n; its primary stays a member.
    pub view: u32,
}

/// PRE-PREPARE: the primary orders a batch. What it signs names the batch by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrePrepare {
    /// Its place in the order.
    pub sequence: u64,
    /// What is ordered.
    pub batch: Batch,
    /// The primary's.
    pub signature: Signature,
}

/// PREPARE: a backup accepted the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// Place in the order.
    pub sequence: u64,
    /// Who.
    pub member: u8,
    /// Of the batch.
    pub digest: Digest,
    /// The backup's.
    pub signature: Signature,
}

/// COMMIT: a member is prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Place in the order.
    pub sequence: u64,
    /// Who.
    pub member: u8,
    /// Of the batch.
    pub digest: Digest,
    /// For this receiver: a MAC under the key of the pair in `modern`, a signature in `report`.
    pub tag: Signature,
}

/// REPLY: a member executed a request. f+1 that match are a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// From the request.
    pub slot: u8,
    /// From the request.
    pub timestamp: u64,
    /// Where in the order it was executed.
    pub sequence: u64,
    /// Who.
    pub member: u8,
    /// One per job.
    pub outcomes: Arc<[Outcome]>,
    /// Over (sequence, jobs, root over (job, outcome)).
    pub signature: Signature,
}

/// CHECKPOINT: a member has this state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// After executing this place in the order.
    pub sequence: u64,
    /// Who.
    pub member: u8,
    /// Of the state, client table included.
    pub digest: Digest,
    /// The member's.
    pub signature: Signature,
}

/// 2f+1 CHECKPOINTs that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointProof {
    /// Under whose keys.
    pub epoch: Epoch,
    /// After executing this place in the order.
    pub sequence: u64,
    /// Of the state.
    pub digest: Digest,
    /// The signatures.
    pub votes: Vec<Vote>,
}

/// A PRE-PREPARE and 2f PREPAREs of distinct backups that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedProof {
    /// Under whose keys.
    pub epoch: Epoch,
    /// In which view.
    pub view: u32,
    /// Place in the order.
    pub sequence: u64,
    /// Of the batch.
    pub digest: Digest,
    /// The primary's, of the PRE-PREPARE.
    pub signature: Signature,
    /// Those of the PREPAREs.
    pub prepares: Vec<Vote>,
}

/// VIEW-CHANGE: a member leaves for another view, and says what was decided or may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewChange {
    /// Where to.
    pub view: u32,
    /// Who.
    pub member: u8,
    /// C: proves its last stable checkpoint; none: the beginning.
    pub stable: Option<CheckpointProof>,
    /// P: per place in the order above the checkpoint the batch prepared there in the highest view, ascending;
    /// shared, because every member is sent the same, and a new view repeats it.
    pub prepared: Arc<[PreparedProof]>,
    /// The member's.
    pub signature: Signature,
}

/// One PRE-PREPARE of a new view, without its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Place in the order.
    pub sequence: u64,
    /// Of the batch.
    pub digest: Digest,
    /// The new primary's.
    pub signature: Signature,
}

/// NEW-VIEW: the primary of a view opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewView {
    /// V: 2f+1 VIEW-CHANGEs for this view.
    pub changes: Vec<ViewChange>,
    /// O, which follows from V; ascending without gaps.
    pub orders: Vec<Order>,
    /// The new primary's.
    pub signature: Signature,
}

/// How far a member is. Whoever is further sends what is missing, and their own status if it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Who.
    pub member: u8,
    /// Last executed place in the order.
    pub executed: u64,
    /// Last stable checkpoint.
    pub stable: u64,
    /// Whether it is between views.
    pub changing: bool,
    /// Whether the receiver is to tell its own.
    pub asks: bool,
    /// Batches it knows the digest of only, at most [`super::MISSING`].
    pub missing: Vec<Digest>,
    /// As in [`Commit`].
    pub tag: Signature,
}

/// A certified state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Proves the digest of the snapshot.
    pub proof: CheckpointProof,
    /// The state; empty if only the proof is missing.
    pub snapshot: Vec<u8>,
}
