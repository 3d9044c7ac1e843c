//! Many seeds: first safety under whatever the seed draws, then a healed core must answer everything.

use std::time::Duration;

use tally_model::NodeId;

use crate::cast::{WORKER, node};
use crate::rng::Rng;
use crate::world::{Weather, World};

/// Draws a network, faults within f, and a stretch of time; then heals and demands every answer.
fn swarm(seed: u64) -> World {
    let mut rng = Rng(seed ^ 0x5eed);
    let n = if rng.chance(150) { 7 } else { 4 };
    let mut world = World::small(n, seed);
    world.weather = Weather {
        delay: (50, 50 + rng.below(20_000)),
        lost: rng.below(200),
        doubled: rng.below(100),
        late: rng.below(30),
    };
    let faulty = (n - 1) / 3;
    let mut broken: Vec<u8> = Vec::new();
    while broken.len() < usize::from(faulty) {
        let index = rng.below(u64::from(n)) as u8;
        if !broken.contains(&index) {
            broken.push(index);
        }
    }
    let behaviour = rng.below(4);
    if behaviour == 1 && n == 4 {
        turn_into_twins(&mut world, broken[0], &mut rng);
    }
    for _ in 0..3 + rng.below(4) {
        world.submit(u128::from(1 + rng.below(6)));
        let stretch = Duration::from_millis(rng.below(700));
        world.run_until(stretch, |_| false);
        world.cut.clear();
        if rng.chance(500) {
            let group: Vec<NodeId> = (0..n)
                .map(node)
                .chain([WORKER])
                .filter(|_| rng.chance(400))
                .collect();
            world.isolate(&group);
        }
        if behaviour == 2 && rng.chance(400) {
            for index in &broken {
                world.crash(*index);
            }
        }
        if behaviour == 3 && rng.chance(400) {
            // A correct member, falsely suspected: no other is faulty, so that the epoch can open.
            world.replace(broken[0]);
            world.run(300);
        }
    }
    world.heal();
    world.must_answer(120_000);
    world
}

/// A member and its twin, each heard by a part of the others that the seed draws.
fn turn_into_twins(world: &mut World, index: u8, rng: &mut Rng) {
    world.twin(index);
    let twin = world.copies.len() - 1;
    let side: Vec<bool> = (0..8).map(|_| rng.chance(500)).collect();
    world.adversary = Some(Box::new(move |from, to, _| {
        let NodeId::Replica(_, to) = to else {
            return None;
        };
        let heard = if from == twin {
            side[usize::from(to)]
        } else if from == usize::from(index) {
            !side[usize::from(to)]
        } else {
            true
        };
        (!heard).then(Vec::new)
    }));
}

/// Two hundred seeds.
#[test]
fn whatever_the_weather_nothing_wrong_is_said_and_after_it_everything_is_answered() {
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                for seed in (0..200).filter(|seed| seed % 2 == half) {
                    swarm(seed);
                }
            });
        }
    });
}

/// The same seed gives the same run.
#[test]
fn a_seed_repeats_its_run() {
    for seed in [1, 2, 3] {
        let (one, two) = (swarm(seed), swarm(seed));
        assert_eq!(
            (one.sent, one.now, one.describe()),
            (two.sent, two.now, two.describe())
        );
    }
}

/// A network slower than the timeout still gets answers, since each view that achieves nothing makes the next one longer.
#[test]
fn patience_doubles_until_the_network_is_fast_enough() {
    let mut world = World::small(4, 1);
    world.weather.delay = (400_000, 500_000);
    world.submit(4);
    world.must_answer(60_000);
}
