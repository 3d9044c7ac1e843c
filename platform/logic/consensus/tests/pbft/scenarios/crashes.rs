//! Members that stop.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tally_consensus::pbft::Body;
use tally_consensus::{Body as Outer, ClientEvent, Message};
use tally_model::{FaultType, NodeId};

use crate::cast::node;
use crate::world::World;

/// f crashed backups cost no answer and no view, and the client names them.
#[test]
fn crashed_backups_are_masked_and_named() {
    for (n, dead) in [(4, vec![2]), (7, vec![2, 5])] {
        let mut world = World::small(n, 1);
        for index in &dead {
            world.crash(*index);
        }
        world.submit(60);
        world.must_answer(1_000);
        assert!(world.correct().all(|copy| copy.replica.view() == 0));
        world.run(3_000);
        for index in dead {
            let named = world.told.iter().any(|event| {
                matches!(event, ClientEvent::Suspect { node: of, kind: FaultType::Follower, .. } if *of == node(index))
            });
            assert!(named, "replica {index} of {n}");
        }
    }
}

/// A crashed primary, with requests under way, costs one view change; everything is answered within a second.
#[test]
fn a_crashed_primary_costs_one_view() {
    for n in [4, 7] {
        for seed in 0..10 {
            let mut world = World::small(n, seed);
            world.submit(40);
            world.run_until(Duration::from_micros(300 + 200 * seed), |_| false);
            world.crash(0);
            world.submit(40);
            world.must_answer(1_000);
            assert!(
                world.correct().all(|copy| copy.replica.view() == 1),
                "{}",
                world.describe()
            );
        }
    }
}

/// f primaries in a row are dead: f view changes, each waited for twice as long as the one before, and answers.
#[test]
fn f_dead_primaries_in_a_row_cost_f_views() {
    let mut world = World::small(7, 3);
    world.crash(0);
    world.crash(1);
    world.submit(20);
    world.must_answer(2_000);
    assert!(
        world.correct().all(|copy| copy.replica.view() == 2),
        "{}",
        world.describe()
    );
}

/// With f+1 dead nothing is answered, nothing wrong is said, and the views do not run away: nobody moves without 2f+1.
#[test]
fn without_a_quorum_nothing_is_answered_and_views_stand_still() {
    let mut world = World::small(4, 3);
    world.crash(0);
    world.crash(3);
    world.submit(20);
    world.run(60_000);
    assert!(world.certified().is_empty());
    assert!(
        world.correct().all(|copy| copy.replica.view() == 1),
        "{}",
        world.describe()
    );
}

/// One member has executed and waits for nothing, one has died, one has left the view, and the primary lacks the commits of the two that
/// are gone: it is the only one to wait, so it has to leave too, or nobody can join who left.
#[test]
fn a_primary_that_was_left_alone_leaves_too() {
    let mut world = World::small(4, 3);
    let deaf = Rc::new(Cell::new(true));
    let still = deaf.clone();
    let lost = |from: usize, to: NodeId, message: &Message| {
        let Outer::Pbft(body) = &message.body else {
            return false;
        };
        let unheard = [(3, 0), (3, 1), (1, 0), (2, 1)];
        match **body {
            Body::Commit(_) => unheard.iter().any(|(a, b)| *a == from && node(*b) == to),
            Body::Reply(_) => from == 3,
            _ => false,
        }
    };
    world.adversary = Some(Box::new(move |from, to, message| {
        (still.get() && lost(from, to, message)).then(Vec::new)
    }));
    world.submit(1);
    let limit = Duration::from_secs(5);
    assert!(world.run_until(limit, |world| world.copies[2].replica.executed() == 1));
    world.crash(3);
    assert!(world.run_until(limit, |world| world.copies[1].replica.is_changing()));
    deaf.set(false);
    assert!(world.certified().is_empty(), "it is not in that state");
    world.must_answer(10_000);
}
