//! One seed from its draw to its verdict.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tally_consensus::SharedProofs;
use tally_model::Instant;

use super::blow::Undo;
use super::draw::Draw;
use crate::coverage::Coverage;
use crate::timeline::{Shot, Stray, Timeline};
use crate::view::Work;
use crate::watch::{Oracle, Violation};
use crate::world::{Options, World};

/// How long a platform may take to come up.
const SETTLE: Duration = Duration::from_secs(30);
/// How long it may take, once everything is healed, until nothing is owed: a few visibility timeouts, restarts and replacements.
const LIVENESS: Duration = Duration::from_secs(90);
/// What the wall clock is ahead of the world's time at first: it may be set back by more than anything waits.
const WALL: Duration = Duration::from_secs(1_000);
/// Between two looks in that phase.
const LOOK: Duration = Duration::from_millis(500);
/// Answers that are read again at the end.
const REREAD: usize = 32;

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What must not be, if it was.
    pub violation: Option<Violation>,
    /// What happened how often.
    pub coverage: Coverage,
    /// Equal for equal seeds.
    pub trace: String,
    /// Entries of the agenda delivered to a machine, and turns of the platform's own.
    pub work: Work,
    /// The most that honest members and the control plane said within one second.
    pub busiest: u32,
    /// Virtual time that passed.
    pub simulated: Duration,
    /// One line per event, if asked for.
    pub lines: Vec<String>,
}

/// Plays a draw.
pub fn run(draw: &Draw, oracle: Oracle, lines: bool) -> Report {
    let _shared = SharedProofs::begin();
    let options = Options {
        oracle: Some(oracle),
        joint: draw.joint(),
        wall: WALL,
        lines,
        ..Options::new(draw.config.clone(), draw.seed)
    };
    let mut world = match World::new(options) {
        Ok(world) => world,
        Err(error) => return refused(draw, error.to_string()),
    };
    if let Err(error) = world.settle(SETTLE) {
        return refused(draw, error.to_string());
    }
    let start = world.now();
    world.play(timeline(draw));
    safety(&mut world, draw, start);
    liveness(&mut world);
    if world.violation().is_none() {
        world.conclude(draw.may_bury());
    }
    // Everything of unknown fate was asked for again until it was known.
    let stray = world.take_strays().into_iter().next();
    let violation = world
        .violation()
        .cloned()
        .or_else(|| stray.map(nobodys))
        .or_else(|| world.trouble().map(|how| bug(world.now(), how)));
    Report {
        seed: draw.seed,
        violation,
        coverage: world.coverage().cloned().unwrap_or_default(),
        trace: world.trace_hash(),
        work: world.work(),
        busiest: world.busiest(),
        simulated: world.now().since(Instant::ZERO),
        lines: world.take_lines(),
    }
}

fn nobodys(stray: Stray) -> Violation {
    Violation {
        invariant: "owned",
        source: "answers belong to requests that were accepted",
        at: stray.at,
        how: format!(
            "{} under the id {}, which no request was given",
            stray.outcome, stray.id
        ),
    }
}

fn bug(at: Instant, how: &str) -> Violation {
    Violation {
        invariant: "sound",
        source: "the simulation itself",
        at,
        how: how.to_owned(),
    }
}

fn refused(draw: &Draw, how: String) -> Report {
    Report {
        seed: draw.seed,
        violation: Some(bug(Instant::ZERO, &how)),
        coverage: Coverage::default(),
        trace: String::new(),
        work: Work::default(),
        busiest: 0,
        simulated: Duration::ZERO,
        lines: Vec::new(),
    }
}

/// Blows fall and are taken back, each at its time; stops at the first violation.
fn safety(world: &mut World, draw: &Draw, start: Instant) {
    let mut falls = draw.blows.iter().peekable();
    let mut over: Vec<(Instant, Undo)> = Vec::new();
    let end = start + draw.every * draw.requests as u32;
    loop {
        let now = world.now();
        while let Some(blow) = falls.next_if(|blow| start + blow.at <= now) {
            let undo = world.strike(blow.what);
            over.push((now + blow.lasts, undo));
        }
        let due: Vec<_> = over.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, undo) in due {
            world.undo(undo);
        }
        let next_fall = falls.peek().map(|blow| start + blow.at);
        let next = over.iter().map(|(at, _)| *at).chain(next_fall).min();
        let next = next.unwrap_or(end).min(end);
        if world.violation().is_some() || now >= end {
            break;
        }
        world.advance(next.since(now).max(Duration::from_nanos(1)));
    }
    for (_, undo) in over {
        world.undo(undo);
    }
}

/// Everything is healed: what is owed has to come.
fn liveness(world: &mut World) {
    let until = world.now() + LIVENESS;
    quieten(world, until);
    if world.violation().is_none() {
        let answered: Vec<_> = world
            .finished()
            .iter()
            .filter(|request| request.answer.is_some())
            .filter_map(|request| Some((request.n, request.id?)))
            .take(REREAD)
            .collect();
        world.read_again(answered);
        world.advance(Duration::from_secs(1));
        // A set that goes at that very moment may still leave something on the bus.
        quieten(world, until);
        world.give_up();
    }
}

/// Until nothing is owed at two looks, one after the other.
fn quieten(world: &mut World, until: Instant) {
    let mut quiet = 0;
    while world.now() < until && world.violation().is_none() && quiet < 2 {
        world.advance(LOOK);
        quiet = if world.is_quiet() { quiet + 1 } else { 0 };
    }
}

/// The requests of a draw.
fn timeline(draw: &Draw) -> Timeline {
    let mut rng = ChaCha8Rng::seed_from_u64(draw.seed ^ 0x7a11);
    let every = draw.every;
    let shots: Vec<Shot> = (0..draw.requests)
        .map(|n| Shot {
            n,
            due: every * n as u32,
            expression: expression(&mut rng),
            work_key: rng.random(),
        })
        .collect();
    Timeline {
        shots: Box::new(shots.into_iter()),
        users: Vec::new(),
        closed_end: Duration::ZERO,
        drain: every * draw.requests as u32,
        tag: format!("seed-{}", draw.seed),
        patience: Duration::from_mins(1),
    }
}

/// Short expressions of all kinds; some divide by zero, some are none at all.
fn expression(rng: &mut ChaCha8Rng) -> String {
    const SIGNS: [char; 4] = ['+', '-', '*', '/'];
    if rng.random_range(0..50) == 0 {
        return "1+".to_owned();
    }
    let mut text = rng.random_range(0..20).to_string();
    for _ in 0..rng.random_range(0..5) {
        let sign = SIGNS[rng.random_range(0..4)];
        let operand = rng.random_range(0..20);
        text = if rng.random_range(0..2) == 0 {
            format!("({text}{sign}{operand})")
        } else {
            format!("({operand}{sign}{text})")
        };
    }
    text
}
