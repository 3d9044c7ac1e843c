//! Messages that are not what they say.

use std::cell::RefCell;
use std::rc::Rc;

use tally_consensus::pbft::{Body, Request};
use tally_consensus::{Body as Outer, Message, Replica as _};
use tally_model::{Epoch, NodeId};

use crate::cast::{WORKER, node, with_replaced};
use crate::world::World;

type Tap = Rc<RefCell<Vec<(NodeId, NodeId, Message)>>>;

/// Everything replicas said in a run with a view change and checkpoints.
fn heard() -> (World, Vec<(NodeId, NodeId, Message)>) {
    let mut world = World::small(4, 11);
    let tap: Tap = Rc::default();
    let ear = tap.clone();
    world.adversary = Some(Box::new(move |from, to, message| {
        ear.borrow_mut().push((node(from as u8), to, message.clone()));
        None
    }));
    world.submit(12);
    world.must_answer(1_000);
    world.isolate(&[node(0)]);
    world.submit(12);
    world.must_answer(3_000);
    world.cut.clear();
    world.submit(12);
    world.must_answer(1_000);
    world.run(2_000);
    world.heal();
    let heard = tap.borrow().clone();
    (world, heard)
}

fn flip(bytes: &mut [u8]) {
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 1;
    }
}

/// One field of a message changed after it was signed.
fn tampered(message: &Message) -> Vec<Message> {
    let Outer::Pbft(body) = &message.body else {
        return Vec::new();
    };
    variants(body)
        .into_iter()
        .map(|body| Message {
            view: message.view + u32::from(matches!(body, Body::NewView(_))),
            body: Outer::Pbft(Box::new(body)),
            ..message.clone()
        })
        .collect()
}

fn variants(body: &Body) -> Vec<Body> {
    match body {
        Body::Prepare(vote) => vec![
            changed(vote, |vote| flip(&mut vote.digest.0), Body::Prepare),
            changed(vote, |vote| vote.sequence += 1, Body::Prepare),
            changed(vote, |vote| vote.member = (vote.member + 1) % 4, Body::Prepare),
        ],
        Body::Commit(vote) => vec![
            changed(vote, |vote| flip(&mut vote.digest.0), Body::Commit),
            changed(vote, |vote| vote.member = (vote.member + 1) % 4, Body::Commit),
        ],
        Body::Checkpoint(vote) => vec![changed(vote, |vote| vote.sequence += 4, Body::Checkpoint)],
        Body::ViewChange(change) => vec![
            changed(change, |change| change.view += 1, Body::ViewChange),
            changed(
                change,
                |change| {
                    let fewer = change.prepared.len().saturating_sub(1);
                    change.prepared = change.prepared.iter().take(fewer).cloned().collect();
                    change.stable = None;
                    change.view += 2;
                },
                Body::ViewChange,
            ),
        ],
        Body::NewView(new) => vec![changed(
            new,
            |new| {
                new.changes.pop();
            },
            Body::NewView,
        )],
        Body::PrePrepare(order) => vec![changed(order, |order| order.sequence += 1, Body::PrePrepare)],
        Body::Status(status) => vec![changed(status, |status| status.executed += 1, Body::Status)],
        Body::State(state) => vec![
            changed(state, |state| state.proof.sequence += 4, Body::State),
            changed(
                state,
                |state| {
                    state.proof.votes.pop();
                },
                Body::State,
            ),
        ],
        Body::Request(_) | Body::Reply(_) | Body::Batches(_) => Vec::new(),
    }
}

fn changed<T: Clone>(what: &T, change: impl FnOnce(&mut T), wrap: fn(T) -> Body) -> Body {
    let mut forged = what.clone();
    change(&mut forged);
    wrap(forged)
}

/// Whatever was said, said again later, in the name of the next epoch or changed in one field, moves nobody.
#[test]
fn replays_and_forgeries_move_nobody() {
    let (mut world, heard) = heard();
    let before = world.describe();
    let kinds: std::collections::BTreeSet<String> = heard
        .iter()
        .map(|(_, _, message)| format!("{:?}", message.body).chars().take(14).collect())
        .collect();
    assert!(kinds.len() >= 7, "too little was heard: {kinds:?}");
    for (from, to, message) in heard {
        let NodeId::Replica(_, to) = to else {
            continue;
        };
        let later = Message {
            epoch: Epoch(message.epoch.0 + 1),
            ..message.clone()
        };
        for forged in tampered(&message).into_iter().chain([later, message]) {
            world.inject(from, to, forged);
        }
    }
    world.run(2_000);
    assert_eq!(world.describe(), before);
    let refused: u64 = world
        .copies
        .iter()
        .flat_map(|copy| copy.replica.refused().values())
        .sum();
    assert!(refused > 100, "{refused}");
    world.submit(12);
    world.must_answer(2_000);
}

/// Every request of an ordered batch.
fn requests(heard: &[(NodeId, NodeId, Message)]) -> Vec<Request> {
    let ordered = heard.iter().filter_map(|(_, _, message)| match &message.body {
        Outer::Pbft(body) => match &**body {
            Body::PrePrepare(order) => Some(order.batch.requests.clone()),
            _ => None,
        },
        _ => None,
    });
    ordered.flatten().collect()
}

/// A reply does not say which occupant of the worker's place asked, so what an earlier one asked is not answered under the epoch of
/// a later one, whoever repeats the request.
#[test]
fn a_worker_that_was_replaced_is_answered_no_more() {
    let (mut world, heard) = heard();
    world.adversary = None;
    let record = with_replaced(&world.config, &world.record, WORKER);
    world.new_worker(&record);
    world.run(2_000);
    let asked = requests(&heard);
    assert!(!asked.is_empty());
    let now = world.now;
    for copy in &mut world.copies {
        assert_eq!(copy.replica.epoch(), Some(record.epoch));
        for request in &asked {
            let again = Message {
                set: record.id,
                epoch: record.epoch,
                view: 0,
                body: Outer::Pbft(Box::new(Body::Request(request.clone()))),
            };
            let mut out = Vec::new();
            copy.replica.handle(now, WORKER, again, &mut out);
            assert!(out.is_empty(), "{out:?}");
        }
    }
}
