//! What a lost leader costs, by what follows it: `cargo run --release -p tally --example leaders [SEEDS] [REPLICAS]`.
//!
//! One set adds 500 times per second; the replica that leads it is killed, or stands still for three seconds, at a moment that the
//! seed draws. Every way to go on is played with the same seeds. A seed's gap is its longest time between two answers in a row; the
//! median of the gaps has the interval that reports give medians, which needs six seeds.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must end the example")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tally_model::{
    Bounds, Instant, LeaderChange, MemberRole, Operation, Outcome, PlatformConfig, Protocol, Scaler, Step,
    Suite,
};
use tally_reports::{Interval, median, median_interval};
use tally_simulated::{Options, Shot, Timeline, World};

/// Requests of a seed, and the time between two: the resolution of a gap.
const REQUESTS: u64 = 2_500;
const EVERY: Duration = Duration::from_millis(2);
/// Where the moment of the fault lies, since the first request.
const FALLS: std::ops::Range<u64> = 500_000..1_500_000;
/// How long a leader stands still: beyond every timeout and probe of the default configuration.
const STILL: Duration = Duration::from_secs(3);

/// A way to go on: its name, and what it changes.
type Way = (&'static str, Protocol, LeaderChange, bool);

const WAYS: [Way; 5] = [
    (
        "pbft, view change",
        Protocol::Pbft,
        LeaderChange::ViewChange,
        false,
    ),
    (
        "collect, admin-replace",
        Protocol::Collect,
        LeaderChange::AdminReplace,
        false,
    ),
    (
        "collect, election",
        Protocol::Collect,
        LeaderChange::Election,
        false,
    ),
    (
        "collect, admin-replace, lock",
        Protocol::Collect,
        LeaderChange::AdminReplace,
        true,
    ),
    (
        "collect, election, lock",
        Protocol::Collect,
        LeaderChange::Election,
        true,
    ),
];

/// What happens to the leader.
#[derive(Clone, Copy)]
enum Loss {
    Killed,
    Still,
}

/// What a seed came to.
struct Seed {
    /// In milliseconds.
    gap: f64,
    packets: f64,
    views: f64,
}

fn right(text: &str) -> Outcome {
    let sum = text
        .split('+')
        .map(|operand| operand.parse::<u64>().unwrap())
        .sum::<u64>();
    Outcome::Value(sum.to_string())
}

fn world((_, protocol, leader, leader_lock): Way, replicas: u8, seed: u64) -> World {
    let config = PlatformConfig {
        protocol,
        leader: Some(leader),
        leader_lock,
        replicas,
        suite: Suite::Simulation,
        scaler: Scaler::Fixed(1),
        bounds: Bounds { min: 1, max: 1 },
        ..PlatformConfig::default()
    };
    let oracle = Some(right as fn(&str) -> Outcome);
    let mut world = World::new(Options {
        oracle,
        ..Options::new(config, seed)
    })
    .unwrap();
    world.settle(Duration::from_secs(20)).unwrap();
    world
}

/// The pod that leads the set for additions.
fn leader(world: &World) -> String {
    let record = world
        .sets()
        .find(|record| record.id.operation == Operation::Add)
        .unwrap();
    let leads = |pod: &&tally_model::Pod| record.role_of(pod.node) == Some(MemberRole::Leader);
    world.pods().find(leads).unwrap().name.clone()
}

/// Views beyond the first of each epoch that the set for additions entered.
fn views(world: &mut World) -> usize {
    let mut entered: BTreeMap<Option<String>, BTreeSet<u64>> = BTreeMap::new();
    for told in world.take_observations() {
        if told.step == Step::ViewEntered && told.set.is_some_and(|set| set.operation == Operation::Add) {
            entered
                .entry(told.note)
                .or_default()
                .insert(told.value.unwrap_or_default() as u64);
        }
    }
    entered.values().map(|views| views.len() - 1).sum()
}

fn play(way: Way, loss: Loss, replicas: u8, seed: u64) -> Seed {
    let mut world = world(way, replicas, seed);
    let shots = (0..REQUESTS).map(|n| Shot {
        n,
        due: EVERY * n as u32,
        expression: format!("{n}+1"),
        work_key: n,
    });
    world.play(Timeline {
        shots: Box::new(shots),
        users: Vec::new(),
        closed_end: Duration::ZERO,
        drain: EVERY * REQUESTS as u32,
        tag: "leaders".to_owned(),
        patience: Duration::from_secs(30),
    });
    let before = world.work().packets;
    let at = ChaCha8Rng::seed_from_u64(seed).random_range(FALLS);
    world.advance(Duration::from_micros(at));
    let victim = leader(&world);
    match loss {
        Loss::Killed => world.kill(&victim).unwrap(),
        Loss::Still => {
            world.pause(&victim).unwrap();
            world.advance(STILL);
            // It was replaced meanwhile, or it goes on.
            let _gone = world.resume(&victim);
        }
    }
    while world.violation().is_none() && (world.has_more_requests() || world.open_requests() > 0) {
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(world.violation(), None, "{}, seed {seed}", way.0);
    let mut done: Vec<Instant> = world
        .take_finished()
        .iter()
        .filter_map(|request| request.done)
        .collect();
    assert_eq!(
        done.len() as u64,
        REQUESTS,
        "{}, seed {seed}: everything is answered",
        way.0
    );
    done.sort_unstable();
    let gap = done.windows(2).map(|two| two[1].since(two[0])).max().unwrap();
    Seed {
        gap: gap.as_secs_f64() * 1e3,
        packets: (world.work().packets - before) as f64 / REQUESTS as f64,
        views: views(&mut world) as f64,
    }
}

/// The value of which so many of `sorted` are no larger (nearest rank).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The median with its interval, in milliseconds.
fn middle(gaps: &[f64]) -> String {
    let median = median(gaps).unwrap();
    match median_interval(gaps) {
        Some(Interval { low, high }) => format!("{median:.0} ms [{low:.0}, {high:.0}]"),
        None => format!("{median:.0} ms [-]"),
    }
}

#[allow(clippy::print_stdout, reason = "an example speaks to its user")]
fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().unwrap());
    let seeds = arguments.next().unwrap_or(100).max(1);
    let replicas = u8::try_from(arguments.next().unwrap_or(4)).unwrap();
    for (name, loss) in [("killed", Loss::Killed), ("stands still for 3 s", Loss::Still)] {
        println!(
            "\n| the leader {name}; {seeds} seeds, n = {replicas} | gap: median [95 %] | p99 | max | view changes | packets per answer |"
        );
        println!("|---|---|---|---|---|---|");
        for way in WAYS {
            let played: Vec<Seed> = (0..seeds).map(|seed| play(way, loss, replicas, seed)).collect();
            let mut gaps: Vec<f64> = played.iter().map(|seed| seed.gap).collect();
            gaps.sort_by(f64::total_cmp);
            let mean = |of: fn(&Seed) -> f64| played.iter().map(of).sum::<f64>() / seeds as f64;
            println!(
                "| {} | {} | {:.0} ms | {:.0} ms | {:.2} | {:.1} |",
                way.0,
                middle(&gaps),
                quantile(&gaps, 0.99),
                quantile(&gaps, 1.0),
                mean(|seed| seed.views),
                mean(|seed| seed.packets),
            );
        }
    }
}
