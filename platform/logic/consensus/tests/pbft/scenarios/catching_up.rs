//! Members that fall behind and return.

use crate::cast::node;
use crate::world::World;

/// The log never grows beyond the window, and the watermark follows the checkpoints.
#[test]
fn checkpoints_empty_the_log() {
    let mut world = World::full(4, 1);
    for _ in 0..65 {
        world.submit(12);
        world.must_answer(1_000);
    }
    world.run(1_000);
    for copy in world.correct() {
        let executed = copy.replica.executed();
        assert!(executed > 300, "{executed}");
        assert_eq!(copy.replica.stable(), executed / 32 * 32);
        assert!(copy.replica.log_len() as u64 <= executed % 32);
    }
}

/// A replica that missed more than a window gets a certified state and then executes the same as the others.
#[test]
fn a_replica_that_missed_a_window_gets_a_certified_state() {
    for n in [4, 7] {
        let mut world = World::small(n, 2);
        world.isolate(&[node(2)]);
        for _ in 0..10 {
            world.submit(8);
            world.must_answer(1_000);
        }
        assert_eq!(world.copies[2].replica.executed(), 0);
        world.heal();
        world.submit(8);
        world.must_answer(1_000);
        world.run(2_000);
        let digests: Vec<_> = world
            .correct()
            .map(|copy| (copy.replica.executed(), copy.replica.state_digest()))
            .collect();
        assert!(
            digests.windows(2).all(|pair| pair[0] == pair[1]),
            "{}",
            world.describe()
        );
        // It votes again: without it and another one there is a quorum of its kind.
        world.crash(3);
        world.submit(8);
        world.must_answer(1_000);
    }
}

/// A replica whose state came by transfer answers a repeated request from the table instead of executing it again, so its
/// state stays that of the others: the client table is part of what a checkpoint certifies.
#[test]
fn a_transferred_state_knows_what_was_answered() {
    let mut world = World::small(4, 9);
    world.isolate(&[node(3)]);
    // The client hears one replica at most, so that it keeps asking for what is executed already.
    for index in [0, 1] {
        world.cut.insert((node(index), crate::cast::WORKER));
    }
    world.submit(4);
    world.run(3_000);
    assert!(world.certified().is_empty());
    let executed = world.copies[2].replica.executed();
    world.heal();
    for _ in 0..8 {
        world.submit(4);
        world.must_answer(1_000);
    }
    world.run(2_000);
    assert!(world.copies[3].replica.executed() > executed);
    let mut states = world.correct().map(|copy| copy.replica.state_digest());
    let first = states.next();
    assert!(states.all(|state| Some(state) == first), "{}", world.describe());
}

/// A member cut off while the others change views comes back into their view.
#[test]
fn a_member_that_missed_a_view_change_follows() {
    let mut world = World::small(7, 4);
    world.submit(5);
    world.must_answer(500);
    world.isolate(&[node(4)]);
    world.crash(0);
    world.submit(20);
    world.must_answer(2_000);
    world.heal();
    world.crash(6);
    world.submit(20);
    world.must_answer(2_000);
    assert!(
        world
            .correct()
            .all(|copy| copy.replica.view() == 1 && !copy.replica.is_changing()),
        "{}",
        world.describe()
    );
}
