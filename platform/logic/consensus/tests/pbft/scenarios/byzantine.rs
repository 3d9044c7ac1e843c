//! Members that lie, at the link or as twins of themselves.

use std::sync::Arc;

use tally_consensus::pbft::{Body, PrePrepare};
use tally_consensus::{Body as Outer, Message};
use tally_model::NodeId;

use crate::cast::node;
use crate::world::World;

fn body(message: &Message) -> Option<&Body> {
    match &message.body {
        Outer::Pbft(body) => Some(body),
        _ => None,
    }
}

/// A primary that sends its orders to nobody is left, and everything is answered.
#[test]
fn a_mute_primary_is_left() {
    let mut world = World::small(4, 1);
    world.copies[0].correct = false;
    world.adversary = Some(Box::new(|from, _, message| {
        (from == 0 && matches!(body(message), Some(Body::PrePrepare(_)))).then(Vec::new)
    }));
    world.submit(30);
    world.must_answer(1_500);
    assert!(world.correct().all(|copy| copy.replica.view() >= 1));
}

/// A primary and its twin order different batches under the same number, each to its own half: the halves never execute
/// different things, and everything is answered in a later view.
#[test]
fn an_equivocating_primary_splits_nobody() {
    for seed in 0..20 {
        let mut world = World::small(4, seed);
        world.twin(0);
        // Copy 0 speaks to 1 and copy 4 to the others; requests reach both in a different order.
        world.weather.delay = (100, 3_000);
        world.adversary = Some(Box::new(|from, to, _| match (from, to) {
            (0, NodeId::Replica(_, index)) if index != 1 => Some(Vec::new()),
            (4, NodeId::Replica(_, 1)) => Some(Vec::new()),
            _ => None,
        }));
        world.submit(60);
        world.must_answer(20_000);
    }
}

/// A primary that orders everything but one slot's requests is left as well: a backup waits for a request, not for any.
#[test]
fn a_primary_that_starves_one_client_is_left() {
    let mut world = World::small(4, 2);
    world.copies[0].correct = false;
    world.adversary = Some(Box::new(|from, _, message| {
        let starved = |order: &PrePrepare| order.batch.requests.iter().any(|request| request.slot == 1);
        match body(message) {
            Some(Body::PrePrepare(order)) if from == 0 && starved(order) => Some(Vec::new()),
            _ => None,
        }
    }));
    world.submit(10);
    world.must_answer(3_000);
}

/// A primary that tells some backups nothing cannot keep them from following: what others hold is passed on.
#[test]
fn a_backup_that_the_primary_ignores_keeps_up() {
    let mut world = World::small(4, 2);
    world.copies[0].correct = false;
    world.adversary = Some(Box::new(|from, to, _| {
        (from == 0 && to == node(3)).then(Vec::new)
    }));
    world.submit(100);
    world.must_answer(2_000);
    world.run(2_000);
    let most = world.correct().map(|copy| copy.replica.executed()).max();
    assert_eq!(
        Some(world.copies[3].replica.executed()),
        most,
        "{}",
        world.describe()
    );
}

/// A replica that answers wrongly is outvoted and named.
#[test]
fn a_wrong_answer_is_outvoted() {
    let mut world = World::small(4, 2);
    world.copies[2].correct = false;
    world.adversary = Some(Box::new(|from, _, message| {
        let Some(Body::Reply(reply)) = body(message).filter(|_| from == 2) else {
            return None;
        };
        let mut wrong = reply.clone();
        for outcome in Arc::make_mut(&mut wrong.outcomes) {
            *outcome = crate::cast::answer(999);
        }
        let body = Outer::Pbft(Box::new(Body::Reply(wrong)));
        Some(vec![Message {
            body,
            ..message.clone()
        }])
    }));
    world.submit(30);
    world.must_answer(1_000);
    assert!(
        tally_consensus::Client::refused(&world.client).contains_key(&tally_consensus::Refusal::Signature)
    );
}

/// A new primary whose NEW-VIEW leaves out what was prepared is not followed: backups compute O themselves.
#[test]
fn a_new_view_that_drops_an_order_is_refused() {
    let mut world = World::small(4, 5);
    world.copies[1].correct = false;
    // COMMITs are lost, so that batches are prepared and not decided when the primary dies.
    let in_first_view =
        |message: &Message| message.view == 0 && matches!(body(message), Some(Body::Commit(_)));
    world.adversary = Some(Box::new(move |_, _, message| {
        in_first_view(message).then(Vec::new)
    }));
    world.submit(4);
    world.run(100);
    world.crash(0);
    world.adversary = Some(Box::new(move |from, _, message| {
        if in_first_view(message) {
            return Some(Vec::new());
        }
        let Some(Body::NewView(new)) = body(message).filter(|_| from == 1) else {
            return None;
        };
        let mut short = new.clone();
        assert!(short.orders.pop().is_some(), "nothing was prepared");
        let body = Outer::Pbft(Box::new(Body::NewView(short)));
        Some(vec![Message {
            body,
            ..message.clone()
        }])
    }));
    world.must_answer(3_000);
    for number in [2, 3] {
        assert_eq!(
            world.copies[number].replica.view(),
            2,
            "nobody entered view 1: {}",
            world.describe()
        );
    }
}
