//! Openings of views that would undo what was decided: by a rule that is too weak, or by a primary that lies with its own keys.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tally_consensus::pbft::{Body, NewView};
use tally_consensus::{Body as Outer, Message};

use crate::cast::node;
use crate::ink;
use crate::world::World;

fn body(message: &Message) -> Option<&Body> {
    match &message.body {
        Outer::Pbft(body) => Some(body),
        _ => None,
    }
}

/// Of two batches that were prepared at one place in different views the later one is ordered again (99 section 4.4): replica 3
/// alone is prepared in view 0, the others decide otherwise in view 1, and view 2 is opened by what 3 and two of them say.
#[test]
fn what_a_later_view_decided_outlives_what_an_earlier_one_prepared() {
    let mut world = World::small(4, 1);
    let phase = Rc::new(Cell::new(0));
    let now = phase.clone();
    world.adversary = Some(Box::new(move |from, to, message| {
        let with = |index: u8| node(from as u8) == node(index) || to == node(index);
        let agrees = matches!(body(message), Some(Body::Prepare(_) | Body::Commit(_)));
        let early = agrees && message.view == 0;
        let helps = matches!(
            body(message),
            Some(Body::ViewChange(_) | Body::Batches(_) | Body::Status(_) | Body::Request(_))
        );
        let dropped = match now.get() {
            0 => early && (to != node(3) || matches!(body(message), Some(Body::Commit(_)))),
            1 => early || with(3),
            _ => with(1) || (with(3) && to != crate::cast::WORKER && !helps && message.view < 2),
        };
        dropped.then(Vec::new)
    }));
    world.submit(1);
    world.run(20);
    assert_eq!(world.copies[3].replica.prepared().count(), 1);
    assert_eq!(world.copies[1].replica.prepared().count(), 0);
    phase.set(1);
    world.submit(3);
    assert!(world.run_until(Duration::from_secs(5), |world| {
        world.certified().len() == 4 && world.copies[..3].iter().all(|copy| copy.replica.executed() > 0)
    }));
    assert!(world.copies[..3].iter().all(|copy| copy.replica.view() == 1));
    let decided = world.copies[0].replica.prepared().next().unwrap().digest;
    assert_ne!(world.copies[3].replica.prepared().next().unwrap().digest, decided);
    phase.set(2);
    world.submit(2);
    world.must_answer(20_000);
    world.heal();
    world.run(3_000);
    let first = |number: usize| {
        world.copies[number]
            .replica
            .recent()
            .next()
            .map(|done| done.digest)
    };
    assert_eq!(first(3), Some(decided), "{}", world.describe());
}

/// Backups compute O for themselves (99 section 4.4): a primary that opens its view without what the changes in it prove, all of it
/// signed as it should be, is not followed.
#[test]
fn a_primary_that_forgets_what_was_prepared_is_not_followed() {
    for seed in 0..5 {
        let mut world = World::small(4, seed);
        world.copies[1].correct = false;
        let config = world.config.clone();
        world.adversary = Some(Box::new(move |from, to, message| {
            let commits = matches!(body(message), Some(Body::Commit(_))) && message.view == 0;
            // Place 1 is prepared by all in view 0, and decided by replica 3 alone.
            if commits && to != node(3) {
                return Some(Vec::new());
            }
            // Then the primary is not heard any more, but for what decides.
            if from == 0
                && message.view == 0
                && !matches!(body(message), Some(Body::PrePrepare(_) | Body::Commit(_)))
            {
                return Some(Vec::new());
            }
            match body(message) {
                Some(Body::NewView(new)) if from == 1 && message.view == 1 => {
                    let mut forged = NewView {
                        orders: Vec::new(),
                        ..new.clone()
                    };
                    forged.signature = ink::new_view(&config, message, 1, &forged);
                    Some(vec![Message {
                        body: Outer::Pbft(Box::new(Body::NewView(forged))),
                        ..message.clone()
                    }])
                }
                _ => None,
            }
        }));
        world.submit(1);
        world.run(20);
        assert_eq!(world.copies[3].replica.executed(), 1, "{}", world.describe());
        world.submit(9);
        let followed = |world: &World| {
            let mut correct = world.correct();
            correct.any(|copy| copy.replica.view() == 1 && !copy.replica.is_changing())
        };
        world.run_until(Duration::from_secs(20), |world| {
            world.certified().len() == 10 || followed(world)
        });
        assert!(!followed(&world), "{}", world.describe());
        world.must_answer(1_000);
    }
}

/// The pen of this test is that of the replicas: what it signs as they do is accepted.
#[test]
fn an_opening_that_is_signed_again_is_followed() {
    let mut world = World::small(4, 2);
    let config = world.config.clone();
    world.adversary = Some(Box::new(move |from, _, message| match body(message) {
        Some(Body::NewView(new)) if from == 1 => {
            let mut again = new.clone();
            again.signature = ink::new_view(&config, message, 1, &again);
            assert_eq!(again.signature, new.signature);
            None
        }
        _ => None,
    }));
    world.submit(5);
    world.must_answer(1_000);
    world.crash(0);
    world.submit(5);
    world.must_answer(5_000);
    assert!(
        world
            .correct()
            .filter(|copy| copy.up)
            .all(|copy| copy.replica.view() == 1)
    );
}
