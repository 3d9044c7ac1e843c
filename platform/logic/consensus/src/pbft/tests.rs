//! What only a member with its keys can say wrongly: openings of views that do not follow from the changes in them; and what is kept of
//! what anybody says.

use tally_model::{
    Epoch, Instant, Job, Member, NodeId, Operation, PlatformConfig, Protocol, RequestId, SetId, SetRecord,
    SetState, Suite, TaskId,
};

use super::message::{Batch, Body, NewView, Order, PrePrepare, PreparedProof, Request, ViewChange};
use super::statement::{self, scope};
use super::view_change::Choice;
use super::{BATCH_BYTES, Replica};
use crate::Signature;
use crate::digest::Digest;
use crate::membership::Membership;
use crate::{Item, Keys, MAX_BATCH, Message, Refusal, Replica as _, Seat, Vote};

mod bounds;
mod endings;
mod epochs;
mod fields;
mod forgeries;
mod names;
mod said;
mod slots;
mod views;

const CLUSTER: [u8; 16] = [1; 16];
const SET: SetId = SetId {
    operation: Operation::Add,
    number: 1,
};
const NULL: Digest = Digest([0; 32]);

fn keys(index: u8) -> Keys {
    Keys::generate(Suite::Modern, [index + 1; 32]).unwrap()
}

/// Number of the worker's keys.
const WORKER: u8 = 9;

fn config() -> PlatformConfig {
    PlatformConfig {
        protocol: Protocol::Pbft,
        ..PlatformConfig::default()
    }
}

fn member(node: NodeId, number: u8) -> Member {
    Member {
        node,
        incarnation: 0,
        address: String::new(),
        public_key: keys(number).public_key().to_string(),
    }
}

/// A worker and four replicas that found a set in `epoch`.
fn record(set: SetId, epoch: Epoch) -> SetRecord {
    SetRecord {
        id: set,
        epoch,
        founded: Some(epoch),
        state: SetState::Ready,
        leader: 0,
        worker: Some(member(NodeId::Worker(set), WORKER)),
        replicas: (0..4)
            .map(|index| member(NodeId::Replica(set, index), index))
            .collect(),
        created: Instant::ZERO,
        ready: None,
    }
}

fn seat(cluster: [u8; 16], node: NodeId, number: u8) -> Seat {
    Seat {
        cluster,
        node,
        incarnation: 0,
        keys: keys(number),
        config: config(),
    }
}

fn membership(record: &SetRecord) -> Membership {
    Membership::from_record(record, CLUSTER, &config()).unwrap()
}

/// The replicas of a record, in view 0.
fn replicas_of(cluster: [u8; 16], record: &SetRecord) -> Vec<Replica> {
    let made = (0..4).map(|index| {
        let mut replica = Replica::new(seat(cluster, NodeId::Replica(record.id, index), index));
        replica.configure(Instant::ZERO, record, &mut Vec::new()).unwrap();
        replica
    });
    made.collect()
}

/// Four replicas in view 0 of epoch 1.
fn replicas() -> Vec<Replica> {
    replicas_of(CLUSTER, &record(SET, Epoch(1)))
}

/// The one that is told in most tests; nobody told it anything yet.
fn listener() -> Replica {
    replicas().remove(usize::from(said::TO))
}

/// That `digest` was prepared at `sequence` in `view`, signed by whom it takes.
fn proof(replicas: &mut [Replica], view: u32, sequence: u64, digest: Digest) -> PreparedProof {
    let membership = replicas[0].membership().unwrap();
    let scope = scope(&membership, view);
    let primary = (view % 4) as u8;
    let order = statement::pre_prepare(&scope, sequence, primary, digest);
    let backups = (0..4).filter(|member| *member != primary).take(2);
    PreparedProof {
        epoch: Epoch(1),
        view,
        sequence,
        digest,
        signature: keys(primary).sign(&order),
        prepares: backups
            .map(|member| Vote {
                member,
                signature: keys(member).sign(&statement::prepare(&scope, sequence, member, digest)),
            })
            .collect(),
    }
}

/// Replicas 1 to 3 on their way to view 1, and what they say.
fn leaving(replicas: &mut [Replica], proof: &PreparedProof) -> Vec<ViewChange> {
    let membership = replicas[0].membership().unwrap();
    (1..4)
        .map(|index| {
            let replica = &mut replicas[index];
            replica.log.entry(proof.sequence).proof = Some(proof.clone());
            replica.leave_for(&membership, 1, &mut Vec::new());
            replica.changes.get(index as u8).unwrap().clone()
        })
        .collect()
}

/// The opening of view 1 by its primary, with whatever orders it likes.
fn opening(replicas: &[Replica], changes: Vec<ViewChange>, orders: &[(u64, Digest)]) -> NewView {
    let membership = replicas[0].membership().unwrap();
    let scope = scope(&membership, 1);
    let order = |(sequence, digest): &(u64, Digest)| Order {
        sequence: *sequence,
        digest: *digest,
        signature: keys(1).sign(&statement::pre_prepare(&scope, *sequence, 1, *digest)),
    };
    let mut new = NewView {
        changes,
        orders: orders.iter().map(order).collect(),
        signature: Signature::new(),
    };
    new.signature = keys(1).sign(&statement::new_view(&membership, 1, 1, &new));
    new
}

/// Backups compute O for themselves (section 4.4): an order dropped, replaced, added or moved is refused although its primary
/// signed it, and so are too few changes or one counted twice.
#[test]
fn an_opening_that_does_not_follow_from_its_changes_is_refused() {
    let mut replicas = replicas();
    let done = Digest([7; 32]);
    let proof = proof(&mut replicas, 0, 1, done);
    let changes = leaving(&mut replicas, &proof);
    let membership = replicas[0].membership().unwrap();
    let wrong: [&[(u64, Digest)]; 5] = [
        &[],
        &[(1, NULL)],
        &[(1, Digest([8; 32]))],
        &[(1, done), (2, NULL)],
        &[(2, done)],
    ];
    for orders in wrong {
        let new = opening(&replicas, changes.clone(), orders);
        let refused = replicas[2].new_view(&membership, 1, new, &mut Vec::new());
        assert_eq!(refused, Err(Refusal::Conflict), "{orders:?}");
    }
    let two = changes[..2].to_vec();
    let twice = vec![changes[0].clone(), changes[1].clone(), changes[1].clone()];
    for short in [two, twice] {
        let new = opening(&replicas, short, &[(1, done)]);
        let refused = replicas[2].new_view(&membership, 1, new, &mut Vec::new());
        assert_eq!(refused, Err(Refusal::Certificate));
    }
    let new = opening(&replicas, changes, &[(1, done)]);
    assert_eq!(replicas[2].new_view(&membership, 1, new, &mut Vec::new()), Ok(()));
    assert_eq!((replicas[2].view(), replicas[2].is_changing()), (1, false));
}

/// Of two batches prepared at one place the one of the higher view is ordered again, whoever lists it; where nobody proves
/// anything the null request is ordered, and nothing at or before the place where the epoch began.
#[test]
fn the_highest_view_decides_what_is_ordered_again() {
    let mut replicas = replicas();
    let (old, new) = (Digest([3; 32]), Digest([4; 32]));
    let low = proof(&mut replicas, 0, 2, old);
    let high = proof(&mut replicas, 5, 2, new);
    let change = |member, prepared: &PreparedProof| ViewChange {
        view: 6,
        member,
        stable: None,
        prepared: [prepared.clone()].into(),
        signature: Signature::new(),
    };
    for (first, second) in [(&low, &high), (&high, &low)] {
        let changes = [change(1, first), change(2, second)];
        assert_eq!(Choice::of(&changes, NULL, 0).orders, [(1, NULL), (2, new)]);
        assert_eq!(Choice::of(&changes, NULL, 1).orders, [(2, new)]);
    }
}

/// A VIEW-CHANGE is valid only with proofs that hold (section 4.4): of earlier views, between the watermarks, by the primary of
/// that view and 2f distinct backups.
#[test]
fn a_view_change_with_a_bad_proof_is_refused() {
    let mut replicas = replicas();
    let good = proof(&mut replicas, 0, 1, Digest([7; 32]));
    let bad = |change: fn(&mut PreparedProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof
    };
    let proofs = [
        bad(|proof| proof.digest = NULL),
        bad(|proof| proof.view = 1),
        bad(|proof| proof.sequence = 0),
        bad(|proof| proof.sequence = 300),
        bad(|proof| proof.epoch = Epoch(2)),
        bad(|proof| proof.prepares.truncate(1)),
        bad(|proof| proof.prepares[1] = proof.prepares[0].clone()),
        bad(|proof| proof.prepares[0].member = 0),
        bad(|proof| proof.signature = proof.prepares[0].signature.clone()),
    ];
    let membership = replicas[0].membership().unwrap();
    let mut holds = |proof: PreparedProof| {
        let mut change = ViewChange {
            view: 1,
            member: 1,
            stable: None,
            prepared: [proof].into(),
            signature: Signature::new(),
        };
        change.signature = keys(1).sign(&statement::view_change(&membership, &change));
        let replica = &mut replicas[2];
        change
            .check(&mut replica.desk, &membership, 0, 256, |_| false)
            .is_ok()
    };
    for proof in proofs {
        assert!(!holds(proof.clone()), "{proof:?}");
    }
    assert!(holds(good));
}

/// An order of a view to come, of so many jobs with the longest operands.
fn giant(sequence: u64, jobs: usize) -> Message {
    let item = Item {
        job: Job {
            task: TaskId {
                request: RequestId(1),
                index: 0,
            },
            operation: Operation::Add,
            expression: None,
            left: "9".repeat(2_600),
            right: "9".repeat(2_600),
        },
        work_key: 0,
    };
    let request = Request {
        incarnation: 0,
        slot: 0,
        timestamp: sequence,
        items: vec![item; jobs].into(),
        signature: Signature::new(),
    };
    let batch = Batch {
        requests: vec![request],
        reconfig: None,
    };
    Message {
        set: SET,
        epoch: Epoch(1),
        view: 7,
        body: crate::Body::Pbft(Box::new(Body::PrePrepare(PrePrepare {
            sequence,
            batch,
            signature: Signature::new(),
        }))),
    }
}

/// Orders of views to come are kept before anything of them is verified (Z8): nobody has more of them kept than an honest primary has
/// under way, a batch that is larger than any is not kept at all, and who is no member is not listened to, whatever it calls itself.
#[test]
fn giants_are_kept_for_later_within_bounds() {
    let mut replica = replicas().remove(0);
    let now = Instant::ZERO;
    let mut said = |from: NodeId, jobs| {
        for sequence in 1..=40 {
            replica.handle(now, from, giant(sequence, jobs), &mut Vec::new());
        }
        replica.later.bytes()
    };
    let share = BATCH_BYTES * 8;
    assert_eq!(said(NodeId::Replica(SET, 1), MAX_BATCH + 1), 0);
    let other = SetId { number: 2, ..SET };
    for stranger in [
        NodeId::Replica(SET, 4),
        NodeId::Replica(other, 1),
        NodeId::Worker(SET),
    ] {
        assert_eq!(said(stranger, 1), 0);
    }
    let one = said(NodeId::Replica(SET, 1), MAX_BATCH);
    assert!(0 < one && one <= share, "{one}");
    assert_eq!(said(NodeId::Replica(SET, 1), MAX_BATCH), one);
    assert_eq!(said(NodeId::Replica(SET, 2), MAX_BATCH), 2 * one);
    let refused = crate::Replica::refused(&replica).get(&Refusal::NotAMember);
    assert_eq!(refused, Some(&120));
}
