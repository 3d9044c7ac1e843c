//! Members that are replaced.

use std::time::Duration;

use tally_consensus::Refusal;
use tally_consensus::Replica as _;
use tally_consensus::pbft::Standing;

use crate::cast::{WORKER, node, with_replaced};
use crate::world::World;

/// A new occupant learns, then votes: with it and without another one everything is answered.
#[test]
fn a_new_occupant_learns_and_then_votes() {
    for place in 0..4 {
        for jobs in [0, 3, 40] {
            let mut world = World::small(4, u64::from(place));
            world.submit(jobs);
            world.must_answer(1_000);
            world.crash(place);
            world.replace(place);
            world.submit(20);
            world.must_answer(3_000);
            world.run(2_000);
            assert!(
                world
                    .correct()
                    .all(|copy| copy.replica.standing() == Standing::Voter),
                "{}",
                world.describe()
            );
            world.crash((place + 1) % 4);
            world.submit(20);
            world.must_answer(3_000);
        }
    }
}

/// What was decided, or may have been, before a replacement is executed after it at the same place: a member is replaced at
/// any moment of a stream of requests.
#[test]
fn a_replacement_loses_and_doubles_nothing() {
    for seed in 0..40 {
        let mut world = World::small(4, seed);
        world.weather.delay = (100, 2_000);
        world.submit(60);
        world.run_until(Duration::from_micros(500 * seed), |_| false);
        world.replace((seed % 4) as u8);
        world.must_answer(5_000);
        world.submit(10);
        world.must_answer(5_000);
    }
}

/// One after the other, every place gets a new occupant, and the order goes on.
#[test]
fn every_place_can_be_replaced_in_turn() {
    let mut world = World::small(4, 7);
    for round in 0..2 {
        for place in 0..4 {
            world.submit(7);
            world.must_answer(3_000);
            world.run(1_000);
            world.replace(place);
            assert_eq!(world.record.epoch.0, 2 + round * 4 + u32::from(place));
        }
    }
    world.submit(7);
    world.must_answer(3_000);
}

/// A replacement that cannot reach anybody delays the others by nothing but its vote.
#[test]
fn a_learner_that_hears_nothing_does_not_stop_the_others() {
    let mut world = World::small(4, 7);
    world.submit(7);
    world.must_answer(3_000);
    world.isolate(&[node(1)]);
    world.replace(1);
    world.submit(20);
    world.must_answer(3_000);
    world.heal();
    world.run(1_000);
    world.submit(20);
    world.must_answer(3_000);
    world.run(1_000);
    assert_eq!(
        world.copies[1].replica.standing(),
        Standing::Voter,
        "{}",
        world.describe()
    );
}

/// A new worker starts its timestamps again and is served: clients are told apart by the worker's incarnation.
#[test]
fn a_new_worker_is_served() {
    let mut world = World::small(4, 7);
    world.submit(30);
    world.must_answer(1_000);
    let record = with_replaced(&world.config, &world.record, WORKER);
    world.new_worker(&record);
    world.submit(30);
    world.must_answer(3_000);
}

/// Messages of the epoch before are refused.
#[test]
fn messages_of_a_past_epoch_are_refused() {
    let mut world = World::small(4, 7);
    world.weather.delay = (1_000, 50_000);
    world.submit(10);
    world.run(20);
    world.replace(2);
    world.must_answer(5_000);
    assert!(
        world
            .correct()
            .any(|copy| copy.replica.refused().contains_key(&Refusal::OtherEpoch))
    );
}

/// Who hears nothing while the others change their members is given the end of the epoch it was in, and after two changes learns
/// like a new occupant; either way it votes again.
#[test]
fn who_missed_a_change_of_members_catches_up() {
    for changes in 1..=2 {
        let mut world = World::small(4, changes);
        world.submit(7);
        world.must_answer(1_000);
        world.isolate(&[node(3)]);
        for place in 0..changes as u8 {
            world.replace(place);
            world.submit(7);
            // Three of four are enough, and the new occupant is not one of them before it has learned from all three.
            world.run(2_000);
            if changes == 1 {
                break;
            }
            world.heal();
            world.run(2_000);
            world.isolate(&[node(3)]);
        }
        world.heal();
        world.must_answer(5_000);
        world.run(2_000);
        for copy in world.correct() {
            assert_eq!(copy.replica.standing(), Standing::Voter, "{}", world.describe());
            assert_eq!(copy.replica.epoch(), Some(world.record.epoch));
        }
    }
}

/// More than f new occupants at once are not ordered: nobody leaves the epoch in which what was decided is known.
#[test]
fn more_than_f_new_occupants_at_once_are_not_ordered() {
    let mut world = World::small(4, 3);
    world.submit(7);
    world.must_answer(1_000);
    let record = with_replaced(&world.config, &world.record, node(0));
    let record = with_replaced(&world.config, &record, node(1));
    world.announce(&record);
    world.run(3_000);
    for copy in world.correct() {
        assert_eq!(copy.replica.epoch().map(|epoch| epoch.0), Some(1));
    }
}

/// A membership is proposed by the control plane and decided by the members: who was told of another one, or of none, does not
/// vote for it, and two of four that were told cannot go over alone.
#[test]
fn a_membership_that_a_quorum_was_not_told_of_is_not_entered() {
    let mut world = World::small(4, 3);
    world.submit(7);
    world.must_answer(1_000);
    let record = with_replaced(&world.config, &world.record, node(3));
    for number in 0..2 {
        world.tell(number, &record);
    }
    world.run(2_000);
    assert!(
        world
            .correct()
            .all(|copy| copy.replica.epoch().map(|epoch| epoch.0) == Some(1))
    );
    world.tell(2, &record);
    world.run(4_000);
    for copy in world.correct().filter(|copy| copy.index < 3) {
        assert_eq!(
            copy.replica.epoch().map(|epoch| epoch.0),
            Some(2),
            "{}",
            world.describe()
        );
    }
}

/// Nobody votes under an identity whose votes it may have forgotten: a process that comes back is another incarnation with another
/// key, and the place's messages are refused from it until the others went over to an epoch that names it.
#[test]
fn a_restarted_replica_does_not_vote_as_the_one_before() {
    let mut world = World::small(4, 5);
    world.submit(20);
    world.must_answer(1_000);
    world.crash(2);
    let record = world.record.clone();
    world.revive(2, 1);
    world.announce(&record);
    world.submit(20);
    world.must_answer(3_000);
    let back = world.copies.iter().find(|copy| copy.index == 2).unwrap();
    assert_eq!(back.replica.standing(), Standing::Outsider);
    assert_eq!(back.replica.effort().signed, 0, "it signed nothing");
    world.announce(&with_replaced(&world.config, &record, node(2)));
    world.must_answer(3_000);
    world.run(2_000);
    let back = world.copies.iter().find(|copy| copy.index == 2).unwrap();
    assert_eq!(back.replica.standing(), Standing::Voter, "{}", world.describe());
}
