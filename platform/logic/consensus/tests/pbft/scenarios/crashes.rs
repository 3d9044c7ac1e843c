//! Members that stop.

use tally_consensus::ClientEvent;
use tally_model::FaultType;

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
            world.run_until(std::time::Duration::from_micros(300 + 200 * seed), |_| false);
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
