//! How fast virtual time is: `cargo run --release -p tally-simulated --example hour [PROTOCOL] [SECONDS] [SUITE]`.
//!
//! A hundred requests per second for an hour, one operation each, replica sets of four, `kalman` drives, and every other policy
//! decides in the shadow of every layer. Signatures are those of the simulation, which take virtual time and next to no real one;
//! with `modern` as the third argument they are made and checked for real.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must end the example")]

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tally_model::{
    Bounds, Forecast, Operation, Outcome, PlatformConfig, Protocol, Scaler, Suite, Work, WorkDistribution,
    WorkKind,
};
use tally_simulated::{Options, Shot, Timeline, World};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Requests per second.
const RATE: f64 = 100.0;
const SEED: u64 = 7;
/// A stretch of the plan, as policies that know it are told it.
const BUCKET: Duration = Duration::from_millis(500);

/// When each request comes, as a Poisson process.
fn arrivals(seconds: u64) -> Vec<Duration> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut due = 0.0;
    std::iter::from_fn(|| {
        due -= (1.0 - rng.random::<f64>()).ln() / RATE;
        (due < seconds as f64).then(|| Duration::from_secs_f64(due))
    })
    .collect()
}

/// Requests take the operations in turns.
fn forecast(arrivals: &[Duration], seconds: u64) -> Forecast {
    let length = (seconds * 2) as usize;
    let mut counts: [Vec<u32>; 4] = std::array::from_fn(|_| vec![0; length]);
    for (n, due) in arrivals.iter().enumerate() {
        counts[n % 4][(due.as_millis() / BUCKET.as_millis()) as usize] += 1;
    }
    Forecast {
        bucket: BUCKET,
        arrivals: counts,
        drift: None,
    }
}

fn world(protocol: Protocol, suite: Suite, forecast: Forecast) -> World {
    let work = Work {
        kind: WorkKind::Delay,
        mean: Duration::from_millis(20),
        distribution: WorkDistribution::Exponential,
        replicas: false,
        processor: 0,
    };
    let mut config = PlatformConfig {
        protocol,
        suite,
        replicas: 4,
        scaler: Scaler::Kalman,
        bounds: Bounds { min: 1, max: 8 },
        work: [Some(work); 4],
        ..PlatformConfig::default()
    };
    config.scaling.forecast = Some(forecast);
    let shadows = Scaler::ALL.iter().copied();
    let options = Options {
        shadows: shadows.filter(|scaler| *scaler != Scaler::Kalman).collect(),
        ..Options::new(config, SEED)
    };
    let mut world = World::new(options).unwrap();
    world.settle(Duration::from_mins(1)).unwrap();
    world
}

/// Nanoseconds that this thread ran so far (proc_pid_schedstat(5)).
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next();
    nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(f64::NAN)
}

#[allow(clippy::print_stdout, reason = "an example speaks to its user")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let protocol = arguments.next().unwrap_or_else(|| "pbft".to_owned());
    let protocol = Protocol::from_name(&protocol).unwrap();
    let seconds: u64 = arguments.next().map_or(3_600, |seconds| seconds.parse().unwrap());
    let suite = arguments
        .next()
        .map_or(Suite::Simulation, |suite| Suite::from_name(&suite).unwrap());
    let arrivals = arrivals(seconds);
    let count = arrivals.len();
    let mut world = world(protocol, suite, forecast(&arrivals, seconds));
    let (began, used) = (world.now(), processor());
    let shots = (0_u64..).zip(arrivals).map(|(n, due)| Shot {
        n,
        due,
        expression: format!("6{}2", Operation::ALL[n as usize % 4].symbol()),
        work_key: n,
    });
    world.play(Timeline {
        shots: Box::new(shots),
        users: Vec::new(),
        closed_end: Duration::ZERO,
        drain: Duration::from_secs(seconds),
        tag: "hour".to_owned(),
        patience: Duration::from_secs(30),
    });
    let (mut right, mut decisions) = (0, 0);
    while world.has_more_requests() || world.open_requests() > 0 {
        world.advance(Duration::from_secs(1));
        decisions += world.take_observations().len();
        let answers = world.take_finished().into_iter();
        right += answers
            .filter_map(|request| Some((request.n, request.answer.as_ref()?.outcome.clone())))
            .filter(|(n, outcome)| is_right(*n, outcome))
            .count();
    }
    let simulated = world.now().since(began).as_secs_f64();
    let used = (processor() - used) / 1e9;
    let work = world.work();
    println!(
        "{protocol}: {simulated:.0} s of virtual time in {used:.1} s of CPU time: {:.0} times real time per CPU-second\n\
         {right} of {count} requests answered rightly; {} events, {:.2} million per CPU-second; {decisions} observations; trace {}",
        simulated / used,
        work.events,
        work.events as f64 / used / 1e6,
        world.trace_hash(),
    );
    assert_eq!(right, count, "every request has its right answer");
}

fn is_right(n: u64, outcome: &Outcome) -> bool {
    outcome.to_string() == ["8", "4", "12", "3"][n as usize % 4]
}
