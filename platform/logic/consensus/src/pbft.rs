//! Full PBFT (Castro and Liskov, OSDI'99): views, prepare among all, checkpoints, state transfer, view changes.
//!
//! Section numbers without a name are of that paper. Signatures are on whatever a third replica or the scheduler may have to
//! be shown; COMMIT and STATUS, which are never forwarded, carry a MAC per receiver in suite `modern`.
//!
//! | message | from, to | authenticated by |
//! |---|---|---|
//! | `Request` | worker, primary; after a timeout all | worker's signature |
//! | `PrePrepare` | primary, backups | primary's signature over (view, place, digest) |
//! | `Prepare` | backup, all | signature |
//! | `Commit` | member, all | MAC |
//! | `Reply` | member, worker | signature over the Merkle root of (job, outcome) |
//! | `Checkpoint` | member, all | signature |
//! | `ViewChange`, `NewView` | member, all; new primary, all | signature |
//! | `Status` | member, all, while something is missing | MAC |
//! | `State`, `Batches` | whoever has them, who lacks them | 2f+1 signatures; digest |
//!
//! # What a request costs
//!
//! A request is up to 64 jobs of one slot of the worker; a batch is one request or more. For n replicas, f = (n-1)/3, one
//! request in its batch, no faults:
//!
//! | who | signs | verifies | makes MACs | checks MACs | sends |
//! |---|---|---|---|---|---|
//! | worker | 1 (request) | f+1 (replies) | 0 | 0 | 1 |
//! | primary | 2 (order; reply) | 2f+1 (request; 2f of 3f prepares) | n-1 | 2f | 2(n-1)+1 |
//! | each of n-1 backups | 2 (prepare; reply) | 2f+1 (order; request; 2f-1 prepares) | n-1 | 2f | 2(n-1)+1 |
//! | all | 2n+1 | n(2f+1)+f+1 | n(n-1) | 2fn | 2n(n-1)+n+1 |
//! | **n = 4** | **9** | **14** | **12** | **8** | **29** |
//! | n = 7 | 15 | 38 | 42 | 28 | 92 |
//! | scheduler | 0 | f+1, once per request | 0 | 0 | 0 |
//!
//! r requests in one batch add, each, 1 + n signatures, n + f + 1 verifications and n + 1 messages only. Every K = 32 batches a
//! checkpoint adds n signatures, 2fn verifications and n(n-1) messages. In suite `report` a MAC is a signature.
//!
//! # Epochs
//!
//! Members are replaced by what they order themselves: a set record with a higher epoch is a proposal, its place in the order is
//! the last one of its epoch, and it takes effect when the checkpoint there is stable. Messages of the epoch before are refused
//! from then on. A member that comes new is a learner; it votes once it has a state that 2f+1 members certified in the new
//! epoch, and only above it. The members of the founding epoch have nothing to learn. At most f are replaced at once; a set that
//! lost more cannot order anything and must be made anew, which the fleet does.
//!
//! # Bounds
//!
//! Log: L entries. Requests waiting: one per slot. Votes of views to come: 32 per sender. Checkpoint votes: 8 per member.
//! VIEW-CHANGEs: one per member. A NEW-VIEW with a full window is about 0.13 MB for n = 7 in `modern`, 0.4 MB in `report`.

mod batch;
mod by_member;
mod catch_up;
mod changing;
mod checkpoint;
mod client;
mod client_table;
mod codec;
mod desk;
mod epoch;
mod execution;
mod flight;
mod later;
mod log;
mod lost;
mod message;
mod murmur;
mod normal;
mod pace;
mod pulse;
mod quorum;
mod replica;
mod replies;
mod settings;
mod stability;
mod statement;
mod timer;
mod view_change;
mod waiting;

pub use client::Client;
pub use client_table::ClientId;
pub(crate) use desk::Desk;
pub use desk::Macs;
pub use execution::Executed;
pub use message::{
    Batch, Body, Checkpoint, CheckpointProof, Commit, NewView, Order, PrePrepare, Prepare, PreparedProof,
    Reconfig, Reply, Request, State, Status, ViewChange,
};
pub use replica::{Replica, Standing};
pub use settings::Settings;
pub(crate) use statement::{Content, request as request_statement};

/// Clients of a worker: so many requests are under way at most.
pub const SLOTS: u8 = 16;
/// Requests under way from which on a further one has to be full: jobs that come meanwhile share it, which costs less than one for each.
/// Slots from this number on take 8 KiB of operands at most.
pub const EAGER: usize = 4;
/// Bytes of operands in a request of the slots that only full requests use: a state holds the last answers of all
/// slots, each at most half as long again as what was asked, and has to fit in one packet of a mebibyte.
const SMALL_BYTES: usize = 8 * 1024;
/// Most digests one status asks for, and most batches that answer it.
pub const MISSING: usize = 16;
/// L: places between the low and the high watermark, and so the most that a view change proves.
pub const MAX_PROVEN: usize = 256;
/// Places whose votes are repeated to a member that is behind, at once.
const RESENT: usize = 8;
/// Bytes of operands in one request or batch, unless a single job or request has more.
const BATCH_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests;
