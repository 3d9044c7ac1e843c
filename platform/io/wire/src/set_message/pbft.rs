//! Messages of `pbft`, both ways.

use tally_consensus::pbft::{
    Batch, Body, Checkpoint, CheckpointProof, Commit, MAX_PROVEN, MISSING, NewView, Order, PrePrepare,
    Prepare, PreparedProof, Reconfig, Reply, Request, State, Status, ViewChange,
};
use tally_consensus::{Digest, MAX_BATCH};
use tally_model::Epoch;

use super::{MAX_MEMBERS, at_most, items, texts, to_items, to_outcomes, to_signature, to_votes, vote};
use crate::error::Error;
use crate::noun::u8_of;
use crate::proto;
use crate::proto::set_message::Body as Wire;

pub(super) fn body(body: &Body) -> Wire {
    match body {
        Body::Request(it) => Wire::Request(request(it)),
        Body::PrePrepare(it) => Wire::Preorder(proto::Preorder {
            sequence: it.sequence,
            batch: Some(batch(&it.batch)),
            signature: it.signature.to_vec(),
        }),
        Body::Prepare(it) => Wire::Prepare(proto::Prepare {
            sequence: it.sequence,
            member: u32::from(it.member),
            digest: it.digest.0.to_vec(),
            signature: it.signature.to_vec(),
        }),
        Body::Commit(it) => Wire::PreparedVote(proto::PreparedVote {
            sequence: it.sequence,
            member: u32::from(it.member),
            digest: it.digest.0.to_vec(),
            tag: it.tag.to_vec(),
        }),
        Body::Reply(it) => Wire::Executed(proto::Executed {
            slot: u32::from(it.slot),
            timestamp: it.timestamp,
            sequence: it.sequence,
            member: u32::from(it.member),
            outcomes: texts(&it.outcomes),
            signature: it.signature.to_vec(),
        }),
        Body::Checkpoint(it) => Wire::Checkpoint(proto::Checkpoint {
            sequence: it.sequence,
            member: u32::from(it.member),
            digest: it.digest.0.to_vec(),
            signature: it.signature.to_vec(),
        }),
        Body::ViewChange(it) => Wire::ViewChange(view_change(it)),
        Body::NewView(it) => Wire::NewView(proto::NewView {
            changes: it.changes.iter().map(view_change).collect(),
            orders: it.orders.iter().map(order).collect(),
            signature: it.signature.to_vec(),
        }),
        Body::Status(it) => Wire::Status(proto::Status {
            member: u32::from(it.member),
            executed: it.executed,
            stable: it.stable,
            changing: it.changing,
            asks: it.asks,
            missing: it.missing.iter().map(|digest| digest.0.to_vec()).collect(),
            tag: it.tag.to_vec(),
        }),
        Body::Batches(it) => Wire::Batches(proto::Batches {
            batches: it.iter().map(batch).collect(),
        }),
        Body::State(it) => Wire::State(proto::State {
            proof: Some(checkpoint_proof(&it.proof)),
            snapshot: it.snapshot.clone(),
        }),
    }
}

fn request(request: &Request) -> proto::Request {
    proto::Request {
        incarnation: request.incarnation,
        slot: u32::from(request.slot),
        timestamp: request.timestamp,
        items: items(&request.items),
        signature: request.signature.to_vec(),
    }
}

fn batch(batch: &Batch) -> proto::Batch {
    proto::Batch {
        requests: batch.requests.iter().map(request).collect(),
        reconfig: batch.reconfig.map(|it| proto::Reconfig {
            epoch: it.epoch.0,
            membership: it.membership.0.to_vec(),
            view: it.view,
        }),
    }
}

fn order(order: &Order) -> proto::Order {
    proto::Order {
        sequence: order.sequence,
        digest: order.digest.0.to_vec(),
        signature: order.signature.to_vec(),
    }
}

fn checkpoint_proof(proof: &CheckpointProof) -> proto::CheckpointProof {
    proto::CheckpointProof {
        epoch: proof.epoch.0,
        sequence: proof.sequence,
        digest: proof.digest.0.to_vec(),
        votes: proof.votes.iter().map(vote).collect(),
    }
}

fn view_change(change: &ViewChange) -> proto::ViewChange {
    let prepared = change.prepared.iter().map(|proof| proto::PreparedProof {
        epoch: proof.epoch.0,
        view: proof.view,
        sequence: proof.sequence,
        digest: proof.digest.0.to_vec(),
        signature: proof.signature.to_vec(),
        prepares: proof.prepares.iter().map(vote).collect(),
    });
    proto::ViewChange {
        view: change.view,
        member: u32::from(change.member),
        stable: change.stable.as_ref().map(checkpoint_proof),
        prepared: prepared.collect(),
        signature: change.signature.to_vec(),
    }
}

pub(super) fn to_body(body: Wire) -> Result<Body, Error> {
    Ok(match body {
        Wire::Request(it) => Body::Request(to_request(it)?),
        Wire::Preorder(it) => Body::PrePrepare(PrePrepare {
            sequence: it.sequence,
            batch: to_batch(it.batch.ok_or(Error::Missing("batch"))?)?,
            signature: to_signature(it.signature)?,
        }),
        Wire::Prepare(it) => Body::Prepare(Prepare {
            sequence: it.sequence,
            member: u8_of(it.member, "prepare.member")?,
            digest: to_digest(it.digest)?,
            signature: to_signature(it.signature)?,
        }),
        Wire::PreparedVote(it) => Body::Commit(Commit {
            sequence: it.sequence,
            member: u8_of(it.member, "prepared_vote.member")?,
            digest: to_digest(it.digest)?,
            tag: to_signature(it.tag)?,
        }),
        Wire::Executed(it) => Body::Reply(Reply {
            slot: u8_of(it.slot, "executed.slot")?,
            timestamp: it.timestamp,
            sequence: it.sequence,
            member: u8_of(it.member, "executed.member")?,
            outcomes: to_outcomes(it.outcomes)?.into(),
            signature: to_signature(it.signature)?,
        }),
        Wire::Checkpoint(it) => Body::Checkpoint(Checkpoint {
            sequence: it.sequence,
            member: u8_of(it.member, "checkpoint.member")?,
            digest: to_digest(it.digest)?,
            signature: to_signature(it.signature)?,
        }),
        Wire::ViewChange(it) => Body::ViewChange(to_view_change(it)?),
        Wire::NewView(it) => Body::NewView(NewView {
            changes: each(it.changes, MAX_MEMBERS, "new_view.changes", to_view_change)?,
            orders: each(it.orders, MAX_PROVEN, "new_view.orders", to_order)?,
            signature: to_signature(it.signature)?,
        }),
        Wire::Status(it) => Body::Status(to_status(it)?),
        Wire::Batches(it) => Body::Batches(each(it.batches, MISSING, "batches", to_batch)?),
        Wire::State(it) => Body::State(State {
            proof: to_checkpoint_proof(it.proof.ok_or(Error::Missing("proof"))?)?,
            snapshot: it.snapshot,
        }),
        Wire::Propose(_)
        | Wire::PrePrepare(_)
        | Wire::Commit(_)
        | Wire::Reply(_)
        | Wire::NoQuorum(_)
        | Wire::Health(_) => return Err(Error::OutOfRange("body")),
    })
}

fn to_request(request: proto::Request) -> Result<Request, Error> {
    Ok(Request {
        incarnation: request.incarnation,
        slot: u8_of(request.slot, "request.slot")?,
        timestamp: request.timestamp,
        items: to_items(request.items, "request.items")?.into(),
        signature: to_signature(request.signature)?,
    })
}

fn to_batch(batch: proto::Batch) -> Result<Batch, Error> {
    Ok(Batch {
        requests: each(batch.requests, MAX_BATCH, "batch.requests", to_request)?,
        reconfig: batch.reconfig.map(to_reconfig).transpose()?,
    })
}

fn to_reconfig(reconfig: proto::Reconfig) -> Result<Reconfig, Error> {
    Ok(Reconfig {
        epoch: Epoch(reconfig.epoch),
        membership: to_digest(reconfig.membership)?,
        view: reconfig.view,
    })
}

fn to_order(order: proto::Order) -> Result<Order, Error> {
    Ok(Order {
        sequence: order.sequence,
        digest: to_digest(order.digest)?,
        signature: to_signature(order.signature)?,
    })
}

fn to_checkpoint_proof(proof: proto::CheckpointProof) -> Result<CheckpointProof, Error> {
    Ok(CheckpointProof {
        epoch: Epoch(proof.epoch),
        sequence: proof.sequence,
        digest: to_digest(proof.digest)?,
        votes: to_votes(proof.votes, "checkpoint_proof.votes")?,
    })
}

fn to_prepared_proof(proof: proto::PreparedProof) -> Result<PreparedProof, Error> {
    Ok(PreparedProof {
        epoch: Epoch(proof.epoch),
        view: proof.view,
        sequence: proof.sequence,
        digest: to_digest(proof.digest)?,
        signature: to_signature(proof.signature)?,
        prepares: to_votes(proof.prepares, "prepared_proof.prepares")?,
    })
}

fn to_view_change(change: proto::ViewChange) -> Result<ViewChange, Error> {
    Ok(ViewChange {
        view: change.view,
        member: u8_of(change.member, "view_change.member")?,
        stable: change.stable.map(to_checkpoint_proof).transpose()?,
        prepared: each(
            change.prepared,
            MAX_PROVEN,
            "view_change.prepared",
            to_prepared_proof,
        )?
        .into(),
        signature: to_signature(change.signature)?,
    })
}

fn to_status(status: proto::Status) -> Result<Status, Error> {
    Ok(Status {
        member: u8_of(status.member, "status.member")?,
        executed: status.executed,
        stable: status.stable,
        changing: status.changing,
        asks: status.asks,
        missing: each(status.missing, MISSING, "status.missing", to_digest)?,
        tag: to_signature(status.tag)?,
    })
}

fn to_digest(bytes: Vec<u8>) -> Result<Digest, Error> {
    Ok(Digest(bytes.try_into().map_err(|_| Error::OutOfRange("digest"))?))
}

fn each<A, B>(
    values: Vec<A>,
    most: usize,
    field: &'static str,
    read: impl FnMut(A) -> Result<B, Error>,
) -> Result<Vec<B>, Error> {
    at_most(values, most, field)?.into_iter().map(read).collect()
}
