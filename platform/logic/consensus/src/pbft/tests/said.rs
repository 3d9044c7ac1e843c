//! One good message of every kind that a replica takes, and what is signed in it.

use std::iter::once;
use std::sync::Arc;

use tally_model::{Instant, Job, NodeId, Operation, RequestId, Suite, TaskId};

use super::{WORKER, keys, proof};
use crate::Signature;
use crate::digest::Digest;
use crate::pbft::Replica;
use crate::pbft::message::{
    Batch, Body, Checkpoint, CheckpointProof, Commit, NewView, Order, PrePrepare, Prepare, PreparedProof,
    Request, State, Status, ViewChange,
};
use crate::pbft::statement::{self, Content, scope};
use crate::{Item, Message, Outgoing, Refusal, Vote};

/// Who is told, and for whom the codes are.
pub(super) const TO: u8 = 2;
/// Where the checkpoint is that is spoken of.
pub(super) const STABLE: u64 = 32;

pub(super) fn item(number: u128) -> Item {
    Item {
        job: Job {
            task: TaskId {
                request: RequestId(number),
                index: 0,
            },
            operation: Operation::Add,
            expression: None,
            left: "1".into(),
            right: "2".into(),
        },
        work_key: 0,
    }
}

/// A request that is not signed yet.
pub(super) fn request(slot: u8, timestamp: u64, jobs: u128) -> Request {
    Request {
        incarnation: 0,
        slot,
        timestamp,
        items: (1..=jobs).map(item).collect(),
        signature: Signature::new(),
    }
}

/// An order at place 1 that is not signed yet, of requests that are.
pub(super) fn order(replicas: &mut [Replica], requests: Vec<Request>) -> Body {
    let signed = |request| match sealed(replicas, 0, Body::Request(request)) {
        Body::Request(request) => request,
        _ => unreachable!("it was one"),
    };
    Body::PrePrepare(PrePrepare {
        sequence: 1,
        batch: Batch {
            requests: requests.into_iter().map(signed).collect(),
            reconfig: None,
        },
        signature: Signature::new(),
    })
}

/// That replicas 0, 1 and 3 have a state.
pub(super) fn stable(replicas: &[Replica], sequence: u64, digest: Digest) -> CheckpointProof {
    let membership = replicas[0].membership().unwrap();
    let vote = |member| Vote {
        member,
        signature: keys(member).sign(&statement::checkpoint(&membership, sequence, member, digest)),
    };
    CheckpointProof {
        epoch: membership.epoch(),
        sequence,
        digest,
        votes: [0, 1, 3].map(vote).to_vec(),
    }
}

fn change(member: u8, stable: Option<CheckpointProof>, prepared: Vec<PreparedProof>) -> ViewChange {
    ViewChange {
        view: 1,
        member,
        stable,
        prepared: prepared.into(),
        signature: Signature::new(),
    }
}

/// Votes that are not signed yet.
pub(super) fn prepare(sequence: u64, member: u8, digest: Digest) -> Body {
    Body::Prepare(Prepare {
        sequence,
        member,
        digest,
        signature: Signature::new(),
    })
}

pub(super) fn commit(sequence: u64, member: u8, digest: Digest) -> Body {
    Body::Commit(Commit {
        sequence,
        member,
        digest,
        tag: Signature::new(),
    })
}

pub(super) fn checkpoint(sequence: u64, member: u8, digest: Digest) -> Body {
    Body::Checkpoint(Checkpoint {
        sequence,
        member,
        digest,
        signature: Signature::new(),
    })
}

/// An opening of view 1, of three changes that prove the same and are signed.
fn opening(replicas: &mut [Replica], stable: Option<&CheckpointProof>, prepared: &[PreparedProof]) -> Body {
    let signed = |member| match sealed(
        replicas,
        1,
        Body::ViewChange(change(member, stable.cloned(), prepared.to_vec())),
    ) {
        Body::ViewChange(change) => change,
        _ => unreachable!("it was one"),
    };
    let changes = [1, 2, 3].map(signed).to_vec();
    let scope = scope(&replicas[0].membership().unwrap(), 1);
    let order = |proof: &PreparedProof| Order {
        sequence: proof.sequence,
        digest: proof.digest,
        signature: keys(1).sign(&statement::pre_prepare(&scope, proof.sequence, 1, proof.digest)),
    };
    Body::NewView(NewView {
        changes,
        orders: prepared.iter().map(order).collect(),
        signature: Signature::new(),
    })
}

/// One message of every kind with its view, signed by whom it is of; view changes and openings with and without certificates.
pub(super) fn said(replicas: &mut [Replica]) -> Vec<(u32, Body)> {
    let (digest, member) = (Digest([7; 32]), 1);
    let stable = stable(replicas, STABLE, digest);
    let prepared = proof(replicas, 0, STABLE + 1, digest);
    let full = change(member, Some(stable.clone()), vec![prepared.clone()]);
    let status = Status {
        member,
        executed: 0,
        stable: 0,
        changing: false,
        asks: true,
        missing: vec![digest],
        tag: Signature::new(),
    };
    let bodies = [
        (0, Body::Request(request(0, 1, 1))),
        (0, order(replicas, vec![request(0, 1, 1), request(1, 2, 1)])),
        (0, prepare(1, member, digest)),
        (0, commit(1, member, digest)),
        (0, checkpoint(STABLE, member, digest)),
        (1, Body::ViewChange(change(member, None, Vec::new()))),
        (1, Body::ViewChange(full)),
        (1, opening(replicas, None, &[])),
        (1, opening(replicas, Some(&stable), &[prepared])),
        (0, Body::Status(status)),
        (
            0,
            Body::State(State {
                proof: stable,
                snapshot: Vec::new(),
            }),
        ),
    ];
    bodies
        .into_iter()
        .map(|(view, body)| (view, sealed(replicas, view, body)))
        .collect()
}

/// A body with the outermost signature or code that its sender gives it in this view.
pub(super) fn sealed(replicas: &mut [Replica], view: u32, mut body: Body) -> Body {
    let membership = replicas[0].membership().unwrap();
    let scope = scope(&membership, view);
    let primary = (view % 4) as u8;
    let mut tag = |member: u8, statement: &[u8]| replicas[usize::from(member)].desk.tag(TO, statement);
    match &mut body {
        Body::Request(it) => {
            let name = Content::of(Suite::Modern, it).digest;
            it.signature = keys(WORKER).sign(&statement::request(&scope, name));
        }
        Body::PrePrepare(it) => {
            let name = it.batch.digest(Suite::Modern, &it.batch.contents(Suite::Modern));
            it.signature = keys(primary).sign(&statement::pre_prepare(&scope, it.sequence, primary, name));
        }
        Body::Prepare(it) => {
            it.signature =
                keys(it.member).sign(&statement::prepare(&scope, it.sequence, it.member, it.digest));
        }
        Body::Commit(it) => {
            it.tag = tag(
                it.member,
                &statement::commit(&scope, it.sequence, it.member, it.digest),
            );
        }
        Body::Checkpoint(it) => {
            let statement = statement::checkpoint(&membership, it.sequence, it.member, it.digest);
            it.signature = keys(it.member).sign(&statement);
        }
        Body::ViewChange(it) => {
            it.signature = keys(it.member).sign(&statement::view_change(&membership, it));
        }
        Body::NewView(it) => {
            it.signature = keys(primary).sign(&statement::new_view(&membership, view, primary, it));
        }
        Body::Status(it) => it.tag = tag(it.member, &statement::status(&scope, it)),
        Body::State(_) | Body::Batches(_) | Body::Reply(_) => {}
    }
    body
}

fn signatures(votes: &mut [Vote]) -> impl Iterator<Item = &mut Signature> {
    votes.iter_mut().map(|vote| &mut vote.signature)
}

/// The signatures and codes in a body, its own first if it has one. Those within the changes of an opening are left out.
fn marks(body: &mut Body) -> Vec<&mut Signature> {
    match body {
        Body::Request(it) => vec![&mut it.signature],
        Body::PrePrepare(it) => {
            let requests = it.batch.requests.iter_mut().map(|request| &mut request.signature);
            once(&mut it.signature).chain(requests).collect()
        }
        Body::Prepare(it) => vec![&mut it.signature],
        Body::Commit(it) => vec![&mut it.tag],
        Body::Checkpoint(it) => vec![&mut it.signature],
        Body::ViewChange(it) => {
            let stable = it
                .stable
                .iter_mut()
                .flat_map(|proof| signatures(&mut proof.votes));
            let prepared = Arc::make_mut(&mut it.prepared)
                .iter_mut()
                .flat_map(|proof| once(&mut proof.signature).chain(signatures(&mut proof.prepares)));
            once(&mut it.signature).chain(stable).chain(prepared).collect()
        }
        Body::NewView(it) => {
            let changes = it.changes.iter_mut().map(|change| &mut change.signature);
            let orders = it.orders.iter_mut().map(|order| &mut order.signature);
            once(&mut it.signature).chain(changes).chain(orders).collect()
        }
        Body::Status(it) => vec![&mut it.tag],
        Body::State(it) => signatures(&mut it.proof.votes).collect(),
        Body::Batches(_) | Body::Reply(_) => Vec::new(),
    }
}

/// A body with each of its signatures and codes changed in turn, and what covers it signed again.
pub(super) fn spoilt(replicas: &mut [Replica], view: u32, body: &Body) -> Vec<Body> {
    let mut all = Vec::new();
    for place in 0..marks(&mut body.clone()).len() {
        let mut bad = body.clone();
        marks(&mut bad)[place][0] ^= 1;
        all.push(if place == 0 {
            bad
        } else {
            sealed(replicas, view, bad)
        });
    }
    if let Body::NewView(new) = body {
        for (place, change) in new.changes.iter().enumerate() {
            let within = spoilt(replicas, view, &Body::ViewChange(change.clone()));
            for bad in within.into_iter().skip(1) {
                let Body::ViewChange(bad) = bad else { continue };
                let mut new = new.clone();
                new.changes[place] = bad;
                all.push(sealed(replicas, view, Body::NewView(new)));
            }
        }
    }
    all
}

/// A body as a message of the set and epoch that `replica` is in.
pub(super) fn message(replica: &Replica, view: u32, body: Body) -> Message {
    let membership = replica.membership().unwrap();
    Message {
        set: membership.set(),
        epoch: membership.epoch(),
        view,
        body: crate::Body::Pbft(Box::new(body)),
    }
}

/// What becomes of a message at a replica, with what it sends then.
pub(super) fn take(replica: &mut Replica, view: u32, body: Body) -> (Result<(), Refusal>, Vec<Outgoing>) {
    let message = message(replica, view, body);
    let from = NodeId::Replica(message.set, 1);
    let mut out = Vec::new();
    let result = replica.take(Instant::ZERO, from, message, &mut out);
    (result, out)
}

/// Whether nothing was ever said to a replica, as far as it goes by what it was told.
pub(super) fn is_untouched(replica: &Replica) -> bool {
    let told = replica.pending.is_empty() && replica.later.is_empty() && replica.checkpoints.ahead.is_none();
    let voted = (0..4).all(|member| {
        replica.changes.get(member).is_none() && replica.checkpoints.own_after(member, 0).is_empty()
    });
    told && voted
        && replica.log_len() == 0
        && (replica.executed(), replica.stable()) == (replica.base, replica.base)
        && !replica.is_changing()
}
