//! The bytes that are signed or authenticated in `pbft`. Every statement binds protocol version, cluster, set, epoch, view, kind,
//! place in the order and sender ([`Scope::statement`]).

use std::sync::Arc;

use tally_model::{NodeId, Suite};

use super::message::{CheckpointProof, NewView, Order, PreparedProof, Request, Status, ViewChange};
use crate::certificate::Vote;
use crate::digest::{Digest, Domain, digest, digest_each, job_digest};
use crate::membership::Membership;
use crate::statement::{Kind, Scope, Statement};

/// The scope of one view of an epoch.
pub(super) fn scope(membership: &Membership, view: u32) -> Scope {
    Scope {
        view,
        ..membership.scope
    }
}

fn of_member(scope: &Scope, kind: Kind, sequence: u64, member: u8, body: &[u8]) -> Statement {
    scope.statement(kind, sequence, NodeId::Replica(scope.set, member), body)
}

/// What a member computes of a request when it comes, once: its name is signed, its jobs are voted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// What it asks for, its signature left out.
    pub(crate) digest: Digest,
    /// Of each job.
    pub(crate) jobs: Arc<[Digest]>,
}

impl Content {
    /// Of nothing but the request and the suite.
    pub(crate) fn of(suite: Suite, request: &Request) -> Self {
        let jobs: Arc<[Digest]> = request
            .items
            .iter()
            .map(|item| job_digest(suite, &item.job))
            .collect();
        Self {
            digest: request_digest(suite, request, &jobs),
            jobs,
        }
    }
}

fn request_digest(suite: Suite, request: &Request, jobs: &[Digest]) -> Digest {
    let mut head = [0; 13];
    head[..4].copy_from_slice(&request.incarnation.to_be_bytes());
    head[4] = request.slot;
    head[5..].copy_from_slice(&request.timestamp.to_be_bytes());
    digest_each(suite, Domain::Request, |add| {
        add(&head);
        for job in jobs {
            add(&job.0);
        }
        for item in request.items.iter() {
            add(&item.work_key.to_be_bytes());
        }
    })
}

/// The worker's, about a request.
pub(crate) fn request(scope: &Scope, content: Digest) -> Statement {
    scope.statement(Kind::Request, 0, NodeId::Worker(scope.set), &content.0)
}

/// The primary's.
pub(super) fn pre_prepare(scope: &Scope, sequence: u64, primary: u8, batch: Digest) -> Statement {
    of_member(scope, Kind::PrePrepare, sequence, primary, &batch.0)
}

/// A backup's.
pub(super) fn prepare(scope: &Scope, sequence: u64, member: u8, batch: Digest) -> Statement {
    of_member(scope, Kind::Prepare, sequence, member, &batch.0)
}

/// A member's.
pub(super) fn commit(scope: &Scope, sequence: u64, member: u8, batch: Digest) -> Statement {
    of_member(scope, Kind::Commit, sequence, member, &batch.0)
}

/// A member's, about its state; of no view.
pub(super) fn checkpoint(membership: &Membership, sequence: u64, member: u8, state: Digest) -> Statement {
    of_member(
        &scope(membership, 0),
        Kind::Checkpoint,
        sequence,
        member,
        &state.0,
    )
}

/// A member's, about all of its VIEW-CHANGE.
pub(super) fn view_change(membership: &Membership, change: &ViewChange) -> Statement {
    let scope = scope(membership, change.view);
    of_member(
        &scope,
        Kind::ViewChange,
        0,
        change.member,
        &content(&scope, change).0,
    )
}

fn content(scope: &Scope, change: &ViewChange) -> Digest {
    let mut bytes = Vec::new();
    match &change.stable {
        None => bytes.push(0),
        Some(proof) => {
            bytes.push(1);
            put_checkpoint(&mut bytes, proof);
        }
    }
    for proof in &*change.prepared {
        put_prepared(&mut bytes, proof);
    }
    digest(scope.suite, Domain::Change, &[&bytes])
}

fn put_checkpoint(bytes: &mut Vec<u8>, proof: &CheckpointProof) {
    bytes.extend_from_slice(&proof.epoch.0.to_be_bytes());
    bytes.extend_from_slice(&proof.sequence.to_be_bytes());
    bytes.extend_from_slice(&proof.digest.0);
    put_votes(bytes, &proof.votes);
}

fn put_prepared(bytes: &mut Vec<u8>, proof: &PreparedProof) {
    bytes.extend_from_slice(&proof.epoch.0.to_be_bytes());
    bytes.extend_from_slice(&proof.view.to_be_bytes());
    bytes.extend_from_slice(&proof.sequence.to_be_bytes());
    bytes.extend_from_slice(&proof.digest.0);
    put(bytes, &proof.signature);
    put_votes(bytes, &proof.prepares);
}

fn put_votes(bytes: &mut Vec<u8>, votes: &[Vote]) {
    bytes.extend_from_slice(&(votes.len() as u32).to_be_bytes());
    for vote in votes {
        bytes.push(vote.member);
        put(bytes, &vote.signature);
    }
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
    bytes.extend_from_slice(part);
}

/// The new primary's, about V and O.
pub(super) fn new_view(membership: &Membership, view: u32, primary: u8, new: &NewView) -> Statement {
    let scope = scope(membership, view);
    let mut bytes = Vec::new();
    for change in &new.changes {
        bytes.push(change.member);
        bytes.extend_from_slice(&content(&scope, change).0);
        put(&mut bytes, &change.signature);
    }
    let split = bytes.len();
    for Order {
        sequence,
        digest,
        signature,
    } in &new.orders
    {
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&digest.0);
        put(&mut bytes, signature);
    }
    let (changes, orders) = bytes.split_at(split);
    let content = digest(scope.suite, Domain::Change, &[changes, orders]);
    of_member(&scope, Kind::NewView, 0, primary, &content.0)
}

/// A member's.
pub(super) fn status(scope: &Scope, status: &Status) -> Statement {
    let mut body = Vec::with_capacity(18 + status.missing.len() * 32);
    body.extend_from_slice(&status.executed.to_be_bytes());
    body.extend_from_slice(&status.stable.to_be_bytes());
    body.push(u8::from(status.changing));
    body.push(u8::from(status.asks));
    for digest in &status.missing {
        body.extend_from_slice(&digest.0);
    }
    of_member(scope, Kind::Status, 0, status.member, &body)
}
