//! The truth of the simulated world: its queueing against closed forms.
//!
//! With nothing but the service time costing time, protocol `none`, and one task at a time per worker, a layer is a queue with c
//! servers and one line: M/M/c with exponential service times, M/D/1 with fixed ones.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::time::Duration;

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tally_model::{
    Bounds, Limits, Operation, PlatformConfig, Protocol, Scaler, Work, WorkDistribution, WorkKind,
};
use tally_simulated::{Costs, Options, Shot, Timeline, World};

const MEAN: f64 = 0.05;
const REQUESTS: u64 = 12_000;
/// Not counted: the line begins empty.
const WARMUP: usize = 2_000;
const BATCHES: usize = 20;

fn world(servers: u32, distribution: WorkDistribution, seed: u64) -> World {
    let mut work = [None; 4];
    work[Operation::Add.index()] = Some(Work {
        kind: WorkKind::Delay,
        mean: Duration::from_secs_f64(MEAN),
        distribution,
        replicas: false,
        processor: 0,
    });
    let config = PlatformConfig {
        seed,
        protocol: Protocol::None,
        scaler: Scaler::Fixed(servers),
        bounds: Bounds {
            min: servers,
            max: servers,
        },
        work,
        limits: Limits {
            in_flight: 1,
            ..Limits::default()
        },
        ..PlatformConfig::default()
    };
    let nothing = Duration::ZERO;
    let costs = Costs {
        hop: nothing,
        door: nothing,
        local: nothing,
        commit: nothing,
        linger: nothing,
        watch: nothing,
        dial: nothing,
        sign: nothing,
        verify: nothing,
        ..Costs::default()
    };
    let options = Options {
        costs,
        ..Options::new(config, seed)
    };
    let mut world = World::new(options).unwrap();
    world.settle(Duration::from_secs(10)).unwrap();
    world
}

/// Mean time from arrival to answer, and half of its 99 % confidence interval by batch means (Student's t, 19 degrees: 2.861).
fn sojourn(servers: u32, load: f64, distribution: WorkDistribution, seed: u64) -> (f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rate = load * f64::from(servers) / MEAN;
    let mut due = 0.0;
    let shots = (0..REQUESTS).map(move |n| {
        due -= (1.0 - rng.random::<f64>()).ln() / rate;
        Shot {
            n,
            due: Duration::from_secs_f64(due),
            expression: "1+2".to_owned(),
            work_key: rng.random(),
        }
    });
    let mut world = world(servers, distribution, seed);
    world.play(Timeline {
        shots: Box::new(shots),
        users: Vec::new(),
        closed_end: Duration::ZERO,
        drain: Duration::from_hours(10),
        tag: "truth".to_owned(),
        patience: Duration::from_secs(1),
    });
    while world.has_more_requests() || world.open_requests() > 0 {
        world.advance(Duration::from_secs(10));
    }
    let mut requests = world.take_finished();
    requests.sort_by_key(|request| request.n);
    let times: Vec<f64> = requests[WARMUP..]
        .iter()
        .map(|request| request.done.unwrap().since(request.intended).as_secs_f64())
        .collect();
    let size = times.len() / BATCHES;
    let means: Vec<f64> = times
        .chunks(size)
        .take(BATCHES)
        .map(|batch| batch.iter().sum::<f64>() / size as f64)
        .collect();
    let mean = means.iter().sum::<f64>() / BATCHES as f64;
    let variance = means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (BATCHES - 1) as f64;
    (mean, 2.861 * (variance / BATCHES as f64).sqrt())
}

/// Erlang's C: the probability that an arrival waits (Gross and Harris, Fundamentals of Queueing Theory, 2.3).
fn erlang_c(servers: u32, load: f64) -> f64 {
    let offered = load * f64::from(servers);
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 0..servers {
        sum += term;
        term *= offered / f64::from(k + 1);
    }
    let waiting = term / (1.0 - load);
    waiting / (sum + waiting)
}

fn mmc(servers: u32, load: f64) -> f64 {
    MEAN + erlang_c(servers, load) * MEAN / (f64::from(servers) * (1.0 - load))
}

/// Pollaczek and Khinchine, without variance.
fn md1(load: f64) -> f64 {
    MEAN * (1.0 + load / (2.0 * (1.0 - load)))
}

/// Mean sojourn times of M/M/c cells lie where Erlang says.
#[test]
fn mmc_cells_agree_with_erlang() {
    for (seed, (servers, load)) in [(1, 0.5), (1, 0.8), (2, 0.7), (4, 0.6), (4, 0.85)]
        .into_iter()
        .enumerate()
    {
        let (mean, half) = sojourn(servers, load, WorkDistribution::Exponential, seed as u64 + 1);
        let truth = mmc(servers, load);
        println!("M/M/{servers} at {load}: {mean:.5} s +- {half:.5}, closed form {truth:.5}");
        assert!(
            (mean - truth).abs() <= half,
            "M/M/{servers} at {load}: {mean} +- {half}, not {truth}"
        );
    }
}

/// Mean sojourn times of M/D/1 cells lie where Pollaczek and Khinchine say.
#[test]
fn md1_cells_agree_with_pollaczek_and_khinchine() {
    for (seed, load) in [0.3, 0.6, 0.85].into_iter().enumerate() {
        let (mean, half) = sojourn(1, load, WorkDistribution::Fixed, seed as u64 + 11);
        let truth = md1(load);
        println!("M/D/1 at {load}: {mean:.5} s +- {half:.5}, closed form {truth:.5}");
        assert!(
            (mean - truth).abs() <= half,
            "M/D/1 at {load}: {mean} +- {half}, not {truth}"
        );
    }
}
