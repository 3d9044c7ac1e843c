//! Messages of `pbft`, drawn.

use proptest::collection::vec;
use proptest::prelude::*;
use tally_consensus::pbft::{
    Batch, Body, Checkpoint, CheckpointProof, Commit, NewView, Order, PrePrepare, Prepare, PreparedProof,
    Reconfig, Reply, Request, State, Status, ViewChange,
};
use tally_consensus::{Digest, Item, Signature, Vote};
use tally_model::Epoch;

use super::{bytes, job, mark, outcome};

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

prop_compose! {
    fn vote()(member: u8, signature in mark()) -> Vote {
        Vote { member, signature }
    }
}

prop_compose! {
    fn request()(
        incarnation: u32,
        slot: u8,
        timestamp: u64,
        items in vec((job(), any::<u64>()), 0..4),
        signature in mark(),
    ) -> Request {
        let items = items.into_iter().map(|(job, work_key)| Item { job, work_key }).collect();
        Request { incarnation, slot, timestamp, items, signature }
    }
}

prop_compose! {
    fn reconfig()(epoch: u32, membership in digest(), view: u32) -> Reconfig {
        Reconfig { epoch: Epoch(epoch), membership, view }
    }
}

fn batch() -> impl Strategy<Value = Batch> {
    (vec(request(), 0..3), prop::option::of(reconfig()))
        .prop_map(|(requests, reconfig)| Batch { requests, reconfig })
}

prop_compose! {
    fn checkpoint_proof()(epoch: u32, sequence: u64, digest in digest(), votes in vec(vote(), 0..4)) -> CheckpointProof {
        CheckpointProof { epoch: Epoch(epoch), sequence, digest, votes }
    }
}

prop_compose! {
    fn prepared_proof()(
        epoch: u32,
        view: u32,
        sequence: u64,
        digest in digest(),
        signature in mark(),
        prepares in vec(vote(), 0..4),
    ) -> PreparedProof {
        PreparedProof { epoch: Epoch(epoch), view, sequence, digest, signature, prepares }
    }
}

prop_compose! {
    fn view_change()(
        view: u32,
        member: u8,
        stable in prop::option::of(checkpoint_proof()),
        prepared in vec(prepared_proof(), 0..4),
        signature in mark(),
    ) -> ViewChange {
        ViewChange { view, member, stable, prepared: prepared.into(), signature }
    }
}

prop_compose! {
    fn order()(sequence: u64, digest in digest(), signature in mark()) -> Order {
        Order { sequence, digest, signature }
    }
}

prop_compose! {
    fn status()(
        member: u8,
        executed: u64,
        stable: u64,
        changing: bool,
        asks: bool,
        missing in vec(digest(), 0..4),
        tag in mark(),
    ) -> Status {
        Status { member, executed, stable, changing, asks, missing, tag }
    }
}

prop_compose! {
    fn reply()(
        slot: u8,
        timestamp: u64,
        sequence: u64,
        member: u8,
        outcomes in vec(outcome(), 0..4),
        signature in mark(),
    ) -> Reply {
        Reply { slot, timestamp, sequence, member, outcomes: outcomes.into(), signature }
    }
}

fn vote_of<T>(make: fn(u64, u8, Digest, Signature) -> T) -> impl Strategy<Value = T>
where
    T: std::fmt::Debug,
{
    (any::<u64>(), any::<u8>(), digest(), mark())
        .prop_map(move |(sequence, member, digest, signature)| make(sequence, member, digest, signature))
}

/// Any message.
pub(crate) fn body() -> impl Strategy<Value = tally_consensus::Body> {
    kinds().prop_map(|body| tally_consensus::Body::Pbft(Box::new(body)))
}

fn kinds() -> impl Strategy<Value = Body> {
    let prepare = vote_of(|sequence, member, digest, signature| Prepare {
        sequence,
        member,
        digest,
        signature,
    });
    let commit = vote_of(|sequence, member, digest, tag| Commit {
        sequence,
        member,
        digest,
        tag,
    });
    let checkpoint = vote_of(|sequence, member, digest, signature| Checkpoint {
        sequence,
        member,
        digest,
        signature,
    });
    prop_oneof![
        request().prop_map(Body::Request),
        (any::<u64>(), batch(), mark()).prop_map(|(sequence, batch, signature)| Body::PrePrepare(
            PrePrepare {
                sequence,
                batch,
                signature
            }
        )),
        prepare.prop_map(Body::Prepare),
        commit.prop_map(Body::Commit),
        reply().prop_map(Body::Reply),
        checkpoint.prop_map(Body::Checkpoint),
        view_change().prop_map(Body::ViewChange),
        (vec(view_change(), 0..3), vec(order(), 0..4), mark()).prop_map(|(changes, orders, signature)| {
            Body::NewView(NewView {
                changes,
                orders,
                signature,
            })
        }),
        status().prop_map(Body::Status),
        vec(batch(), 0..3).prop_map(Body::Batches),
        (checkpoint_proof(), bytes(300)).prop_map(|(proof, snapshot)| Body::State(State { proof, snapshot })),
    ]
}
