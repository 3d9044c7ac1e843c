//! A message says nothing that its signature does not cover, and a worker counts what was signed for it.

use std::sync::Arc;

use tally_model::{Epoch, Instant, NodeId, Outcome, PlatformConfig, Suite};

use super::said::{TO, is_untouched, item, message, request, said, take};
use super::{CLUSTER, SET, WORKER, config, keys, listener, record, replicas, seat};
use crate::certificate::Ballot;
use crate::collect::{execute, leaves};
use crate::membership::Membership;
use crate::pbft::message::{Body, NewView, Reply};
use crate::pbft::statement::Content;
use crate::pbft::{Client, Desk};
use crate::{Client as _, ClientEvent, Keys, Refusal, Refusals, Seat, merkle};

/// A message with each of these changes in turn.
fn each<T: Clone>(it: &T, wrap: fn(T) -> Body, changes: &[fn(&mut T)]) -> Vec<Body> {
    let changed = |change: &fn(&mut T)| {
        let mut it = it.clone();
        change(&mut it);
        wrap(it)
    };
    changes.iter().map(changed).collect()
}

/// A change or an opening with each of its own fields changed in turn after it was signed.
fn altered_turn(body: &Body) -> Vec<Body> {
    match body {
        Body::ViewChange(it) if it.stable.is_some() => each(
            it,
            Body::ViewChange,
            &[
                |it| it.view += 1,
                |it| it.member = 3,
                |it| it.prepared = [].into(),
                |it| {
                    it.stable.iter_mut().for_each(|proof| {
                        proof.votes.pop();
                    });
                },
                |it| Arc::make_mut(&mut it.prepared)[0].digest.0[31] ^= 1,
            ],
        ),
        Body::ViewChange(it) => each(it, Body::ViewChange, &[|it| it.view += 1, |it| it.member = 3]),
        Body::NewView(it) => {
            let changes: [fn(&mut NewView); 5] = [
                |it| it.changes.swap(0, 1),
                |it| it.changes.truncate(2),
                |it| it.changes[0].stable = None,
                |it| it.orders.clear(),
                |it| it.orders.iter_mut().for_each(|order| order.digest.0[31] ^= 1),
            ];
            let has = if it.orders.is_empty() { 2 } else { 5 };
            each(it, Body::NewView, &changes[..has])
        }
        _ => Vec::new(),
    }
}

/// A body with each of its own fields changed in turn after it was signed.
fn altered(body: &Body) -> Vec<Body> {
    match body {
        Body::Request(it) => each(
            it,
            Body::Request,
            &[
                |it| it.slot = 1,
                |it| it.timestamp += 1,
                |it| Arc::make_mut(&mut it.items)[0].work_key += 1,
                |it| Arc::make_mut(&mut it.items)[0].job.left.push('1'),
            ],
        ),
        Body::PrePrepare(it) => each(
            it,
            Body::PrePrepare,
            &[
                |it| it.sequence += 1,
                |it| it.batch.requests.swap(0, 1),
                |it| it.batch.requests.truncate(1),
            ],
        ),
        Body::Prepare(it) => each(
            it,
            Body::Prepare,
            &[
                |it| it.sequence += 1,
                |it| it.member = 3,
                |it| it.digest.0[31] ^= 1,
            ],
        ),
        Body::Commit(it) => each(
            it,
            Body::Commit,
            &[
                |it| it.sequence += 1,
                |it| it.member = 3,
                |it| it.digest.0[31] ^= 1,
            ],
        ),
        Body::Checkpoint(it) => each(
            it,
            Body::Checkpoint,
            &[
                |it| it.sequence += 1,
                |it| it.member = 3,
                |it| it.digest.0[31] ^= 1,
            ],
        ),
        Body::Status(it) => each(
            it,
            Body::Status,
            &[
                |it| it.member = 3,
                |it| it.executed += 1,
                |it| it.stable += 1,
                |it| it.changing = true,
                |it| it.asks = false,
                |it| it.missing.clear(),
            ],
        ),
        Body::State(it) => each(
            it,
            Body::State,
            &[
                |it| it.proof.sequence += 1,
                |it| it.proof.digest.0[31] ^= 1,
                |it| it.proof.votes[0].member = 2,
            ],
        ),
        _ => altered_turn(body),
    }
}

/// Claim: a message says nothing that its signature or code does not cover: with any one field changed it is nobody's.
#[test]
fn every_field_of_every_message_is_signed() {
    let mut replicas = replicas();
    for (view, body) in said(&mut replicas) {
        for bad in altered(&body) {
            let mut replica = listener();
            let (result, sent) = take(&mut replica, view, bad.clone());
            assert_eq!(result, Err(Refusal::Signature), "{bad:?}");
            assert!(is_untouched(&replica) && sent.is_empty(), "{bad:?}");
        }
    }
}

/// A reply to the first request of the first slot, as its member signs it in epoch 1.
fn reply(member: u8, outcomes: Vec<Outcome>, sequence: u64) -> Reply {
    let membership = replicas()[0].membership().unwrap();
    let suite = membership.suite();
    let jobs = Content::of(suite, &request(0, 1, 1)).jobs;
    let ballot = Ballot {
        sequence,
        leaves: 1,
        root: merkle::root(suite, leaves(suite, &jobs, &outcomes)),
    };
    Reply {
        slot: 0,
        timestamp: 1,
        sequence,
        member,
        outcomes: outcomes.into(),
        signature: keys(member).sign(&ballot.executed(&membership.scope, member)),
    }
}

/// A worker that waits for the answer to its first request in `epoch`.
fn asking(epoch: Epoch) -> Client {
    let mut client = Client::new(seat(CLUSTER, NodeId::Worker(SET), WORKER));
    let record = record(SET, epoch);
    client.configure(Instant::ZERO, &record, &mut Vec::new()).unwrap();
    client.submit(Instant::ZERO, item(1), &mut Vec::new());
    client
}

/// Claim: a reply counts in the epoch in which it was signed and in no other, whatever it is called; one of an epoch to come is kept.
#[test]
fn a_reply_of_one_epoch_counts_in_no_other() {
    let good = Body::Reply(reply(1, execute(&[item(1)]), 1));
    let of_epoch = |epoch| {
        let mut message = message(&listener(), 0, good.clone());
        message.epoch = epoch;
        message
    };
    let refusals = |asked, called| {
        let mut client = asking(asked);
        let mut told = Vec::new();
        client.handle(
            Instant::ZERO,
            NodeId::Replica(SET, 1),
            of_epoch(called),
            &mut told,
        );
        assert_eq!(told, []);
        client.refused().clone()
    };
    let (one, two) = (Epoch(1), Epoch(2));
    assert_eq!(refusals(two, one), Refusals::from([(Refusal::OtherEpoch, 1)]));
    assert_eq!(refusals(two, two), Refusals::from([(Refusal::Signature, 1)]));
    assert_eq!(refusals(one, two), Refusals::new());
    assert_eq!(refusals(one, one), Refusals::new());

    let mut client = asking(one);
    let mut told = Vec::new();
    for (member, called, certified) in [(1, two, false), (2, one, false), (3, one, true)] {
        let body = Body::Reply(reply(member, execute(&[item(1)]), 1));
        let mut message = message(&listener(), 0, body);
        message.epoch = called;
        client.handle(Instant::ZERO, NodeId::Replica(SET, member), message, &mut told);
        assert_eq!(!told.is_empty(), certified, "replica {member}");
    }
}

/// Claim: a worker counts a reply if its member signed all of it for this request in this epoch, and each member once.
#[test]
fn a_worker_counts_what_a_member_signed() {
    let right = execute(&[item(1)]);
    let good = reply(1, right.clone(), 1);
    let wrong = vec![Outcome::Value("9".into())];
    let bad: [fn(&mut Reply); 4] = [
        |it| it.sequence += 1,
        |it| it.member = 3,
        |it| it.outcomes = vec![Outcome::Value("9".into())].into(),
        |it| it.signature[0] ^= 1,
    ];
    let forged = bad.map(|change| {
        let mut reply = good.clone();
        change(&mut reply);
        (reply, Some(Refusal::Signature))
    });
    let others: [fn(&mut Reply); 4] = [
        |it| it.member = 4,
        |it| it.outcomes = Vec::new().into(),
        |it| it.timestamp = 2,
        |it| it.slot = 1,
    ];
    let reasons = [
        Refusal::NotAMember,
        Refusal::Outcomes,
        Refusal::Stale,
        Refusal::Stale,
    ];
    let others = others.into_iter().zip(reasons).map(|(change, refusal)| {
        let mut reply = good.clone();
        change(&mut reply);
        (reply, Some(refusal))
    });
    let mut client = asking(Epoch(1));
    let (now, mut told) = (Instant::ZERO, Vec::new());
    let counted = [
        (good.clone(), None),
        (good.clone(), None),
        (reply(3, wrong, 1), None),
        (reply(0, right.clone(), 2), None),
    ];
    for (reply, refusal) in forged.into_iter().chain(others).chain(counted) {
        let before = client.refused().clone();
        let view = u32::from(reply.member == 3);
        let said = message(&replicas()[0], view, Body::Reply(reply.clone()));
        client.handle(now, NodeId::Replica(SET, 1), said, &mut told);
        let mut want: Refusals = before;
        if let Some(refusal) = refusal {
            *want.entry(refusal).or_default() += 1;
        }
        assert_eq!(client.refused(), &want, "{reply:?}");
        assert_eq!(told, [], "{reply:?}");
    }
    let said = message(&replicas()[0], 0, Body::Reply(reply(2, right, 1)));
    client.handle(now, NodeId::Replica(SET, 2), said, &mut told);
    let certified = |event: &ClientEvent| matches!(event, ClientEvent::Certified { votes: 2, .. });
    assert!(told.iter().any(certified), "{told:?}");
    told.clear();
    client.submit(now, item(2), &mut told);
    let sent = told.into_iter().filter_map(|event| match event {
        ClientEvent::Send(sent) => Some(sent.to),
        _ => None,
    });
    let primary = [NodeId::Replica(SET, 0)];
    assert!(
        sent.eq(primary),
        "one member's word moves nobody to another primary"
    );
}

/// Claim: where a pair has no key of its own, a code is a signature, and checked as one.
#[test]
fn a_code_is_a_signature_where_there_are_no_pairs() {
    let suite = Suite::Simulation;
    let made = |index: u8| Keys::simulated([index + 1; 32]);
    let mut simulated = record(SET, Epoch(1));
    for (index, known) in (0..).zip(&mut simulated.replicas) {
        known.public_key = made(index).public_key().to_string();
    }
    simulated.worker = None;
    let config = PlatformConfig { suite, ..config() };
    let membership = Membership::from_record(&simulated, CLUSTER, &config).unwrap();
    let desk = |index| {
        let mut desk = Desk::new(Seat {
            keys: made(index),
            ..seat(CLUSTER, NodeId::Replica(SET, index), index)
        });
        desk.pair_up(&membership, index);
        desk
    };
    let tag = desk(1).tag(TO, b"one");
    let mut desk = desk(TO);
    assert_eq!(desk.check_tag(&membership, 1, b"one", &tag), Ok(()));
    let wrong = Err(Refusal::Signature);
    assert_eq!(desk.check_tag(&membership, 1, b"two", &tag), wrong);
    assert_eq!(desk.check_tag(&membership, 3, b"one", &tag), wrong);
    assert_eq!(
        desk.check_tag(&membership, 4, b"one", &tag),
        Err(Refusal::NotAMember)
    );
}
