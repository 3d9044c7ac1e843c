//! Situations that need several things at once, and so would hardly ever come about if each were drawn by itself.

use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tally_model::{Protocol, Work, WorkDistribution, WorkKind};

use super::blow::{Blow, Clock, What};
use super::draw::{Draw, SAFETY, chance};
use crate::weather::PortWeather;

/// Percent of the seeds that have each.
const OFTEN: u32 = 15;

/// Adds those that are drawn. Each may change the platform, so that it comes about.
pub(super) fn add(draw: &mut Draw, rng: &mut ChaCha8Rng) {
    if chance(rng, OFTEN) {
        swizzle(draw, rng);
    }
    if chance(rng, OFTEN) {
        bury(draw, rng);
    }
    if chance(rng, OFTEN) {
        forget(draw, rng);
    }
    if chance(rng, OFTEN) {
        false_alarm(draw, rng);
    }
    if matches!(draw.config.protocol, Protocol::Pbft | Protocol::Collect) && chance(rng, 2 * OFTEN) {
        for _ in 0..rng.random_range(1..4) {
            let word = rng.random();
            fall(draw, moment(rng), Duration::ZERO, What::KillLeader(word));
        }
    }
}

/// A moment of the first two thirds of the safety phase.
fn moment(rng: &mut ChaCha8Rng) -> Duration {
    Duration::from_millis(rng.random_range(0..SAFETY.as_millis() as u64 * 2 / 3))
}

fn millis(rng: &mut ChaCha8Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.random_range(from..to))
}

fn fall(draw: &mut Draw, at: Duration, lasts: Duration, what: What) {
    draw.blows.push(Blow { at, lasts, what });
}

/// Swizzle-clog (FoundationDB): nodes are clogged one after the other, and let go in another order.
fn swizzle(draw: &mut Draw, rng: &mut ChaCha8Rng) {
    let start = moment(rng);
    let (nodes, step) = (rng.random_range(3..8_u32), millis(rng, 10, 200));
    let all = start + step * nodes;
    for node in 0..nodes {
        let at = start + step * node;
        let until = all + millis(rng, 1, 1_500);
        fall(draw, at, until.saturating_sub(at), What::Clog(rng.random()));
    }
}

/// Messages are received by nobody until their receives are used up: the dead-letter queue.
fn bury(draw: &mut Draw, rng: &mut ChaCha8Rng) {
    draw.config.limits.receives = 2;
    draw.config.timing.visibility = millis(rng, 300, 800);
    let weather = PortWeather {
        lost_receive: rng.random_range(300_000..800_000),
        ..PortWeather::default()
    };
    fall(draw, moment(rng), millis(rng, 1_500, 3_000), What::Ports(weather));
}

/// A control plane that forgot what its workers are busy with gives them more: a worker without room.
fn forget(draw: &mut Draw, rng: &mut ChaCha8Rng) {
    draw.config.limits.in_flight = rng.random_range(1..3);
    let work = Work {
        kind: WorkKind::Delay,
        mean: millis(rng, 150, 500),
        distribution: WorkDistribution::Exponential,
        replicas: false,
        processor: 0,
    };
    draw.config.work = [Some(work); 4];
    draw.requests = draw.requests.min(40);
    draw.every = SAFETY / draw.requests as u32;
    for _ in 0..rng.random_range(1..4) {
        fall(draw, moment(rng), Duration::ZERO, What::KillControl);
    }
}

/// The wall clock is set, back or forward, by a moment or by more than anything waits, and processes are started again after it.
pub(super) fn set_clock(draw: &mut Draw, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..4) {
        let power = 1 << rng.random_range(3..19_u32);
        let by = power + rng.random_range(0..power);
        let at = moment(rng);
        let sign = if chance(rng, 60) { -1 } else { 1 };
        fall(draw, at, Duration::ZERO, What::Clock(Clock::Wall, sign * by));
        let word = rng.random();
        let (control, pod) = (at + millis(rng, 0, 800), at + millis(rng, 0, 800));
        fall(draw, control, Duration::ZERO, What::KillControl);
        fall(draw, pod, Duration::ZERO, What::Kill(word));
    }
}

/// A member that stood still is suspected at once and answers again before anybody acts, because the fault bus is slow.
fn false_alarm(draw: &mut Draw, rng: &mut ChaCha8Rng) {
    let timing = &mut draw.config.timing;
    timing.probe_interval = millis(rng, 20, 60);
    timing.probe_timeout = millis(rng, 20, 60);
    timing.probe_misses = 1;
    let weather = PortWeather {
        late: rng.random_range(500_000..1_000_000),
        late_by: millis(rng, 300, 900),
        ..PortWeather::default()
    };
    let start = moment(rng);
    fall(draw, start, millis(rng, 2_000, 3_000), What::Ports(weather));
    for _ in 0..rng.random_range(3..6) {
        let at = start + millis(rng, 0, 1_500);
        fall(draw, at, millis(rng, 150, 600), What::Pause(rng.random()));
    }
}
