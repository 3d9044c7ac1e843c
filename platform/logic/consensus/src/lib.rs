//! One replica of a set as a state machine: protocols, certificates and authenticators.
//!
//! A worker is the client of its replica set ([`client()`]); a replica is whatever [`replica()`] makes of the configured
//! protocol. Both are machines: messages in, messages out, `now` as an argument. What leaves a set is a [`Certificate`],
//! which anybody who knows the set's [`Membership`] can check; [`Verifier`] does so for many sets and epochs.
//!
//! # What a batch costs in `collect`
//!
//! Jobs that arrive while both slots of a worker are busy share the next batch. A signature covers a batch of 1 to 64 jobs
//! (Merkle root over (job digest, outcome)), so all counts are per batch; divide by the batch for counts per operation.
//! For n replicas, f = (n-1)/3, no faults:
//!
//! | who | signs | verifies |
//! |---|---|---|
//! | worker | 1 (propose) | 2f+1 (certificate) |
//! | leader | 2 (its vote, which is PRE-PREPARE and PREPARE in one; reply) | n (proposal, n-1 votes) |
//! | each of n-1 followers | 1 (vote) | 2 (proposal, leader's vote) |
//! | all | n+2 | 3n+2f-1 |
//! | **n = 4** | **6** | **13** |
//! | n = 7 | 9 | 24 |
//! | scheduler | 0 | 2f+1, once per batch ([`Verifier`] remembers) |
//!
//! Once per epoch the leader signs, and the worker verifies, one statement of health more. In the literal reading of C5
//! (`count_leader_vote = false`) the counts are the same.

mod authenticator;
mod certificate;
mod client;
mod collect;
mod corrupt;
mod digest;
mod membership;
mod merkle;
mod message;
mod proven;
mod replica;
mod simulation;
mod statement;
mod verifier;
mod vote;

/// Full PBFT: prepare among all, view changes, checkpoints, state transfer.
pub mod pbft;

/// Bugs on purpose, to prove that what keeps watch finds them.
pub mod mutant;

/// Bytes as lower-case hexadecimal digits.
pub mod hexadecimal;

pub use authenticator::{KeyError, Keys, PublicKey, Signature, verify};
pub use certificate::{
    Certificate, DecodeError, Flaw, MAX_OUTCOME, MAX_SIGNATURE, NO_COLLECTOR, Verified, Vote,
};
pub use client::{Client, ClientEvent, client};
pub use digest::{Digest, job_digest};
pub use membership::{Membership, MembershipError, Peer};
pub use merkle::{MAX_PATH, Path};
pub use message::{Body, Commit, Health, Item, MAX_BATCH, Message, NoQuorum, PrePrepare, Propose, Reply};
pub use proven::SharedProofs;
pub use replica::{Effort, Outgoing, Refusal, Refusals, Replica, Seat, Unsupported, replica};
pub use statement::{ClusterId, PROTOCOL_VERSION, Scope};
pub use verifier::Verifier;

#[cfg(test)]
mod tests;
