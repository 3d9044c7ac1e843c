//! What a seed stands for: a platform, a load, a schedule of blows.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tally_model::{
    Bounds, Dispatch, LeaderChange, Limits, PlatformConfig, Protocol, Scaler, Suite, Timing, Work,
    WorkDistribution, WorkKind,
};
use tally_substrate::Weather;

use super::blow::{Blow, Clock, What};
use super::scene;
use crate::lies::Lie;
use crate::weather::PortWeather;

/// Makes another seed of a seed.
const APART: u64 = 0xc10c_1e55;
/// Another one.
const DISPATCH: u64 = 0xd159_a7c4;
/// Length of the safety phase.
pub(super) const SAFETY: Duration = Duration::from_secs(6);

/// See the module.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The seed.
    pub seed: u64,
    /// The platform.
    pub config: PlatformConfig,
    /// Requests, and the time between two.
    pub requests: u64,
    /// See `requests`.
    pub every: Duration,
    /// What is done to it, by time.
    pub blows: Vec<Blow>,
}

impl Draw {
    /// Draws everything from `seed`, for one of `protocols`.
    pub fn new(seed: u64, protocols: &[Protocol]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rng = &mut rng;
        let protocol = protocols[rng.random_range(0..protocols.len())];
        let mut config = config(seed, protocol, rng);
        config.dispatch = dispatch(protocol, &mut ChaCha8Rng::seed_from_u64(seed ^ DISPATCH));
        let requests = rng.random_range(20..120);
        let every = SAFETY / requests as u32;
        let mut draw = Self {
            seed,
            config,
            requests,
            every,
            blows: Vec::new(),
        };
        draw.schedule(rng);
        draw.blows.sort_by_key(|blow| blow.at);
        draw
    }

    fn schedule(&mut self, rng: &mut ChaCha8Rng) {
        // Each kind is in a run or not: many faults of few kinds find more than few faults of many.
        let lies = self.config.faulty() > 0 && self.config.protocol != Protocol::None;
        if chance(rng, 40) {
            let count = rng.random_range(1..6);
            self.blow(rng, count, |rng| What::Kill(rng.random()));
        }
        if chance(rng, 30) {
            let count = rng.random_range(1..5);
            self.blow(rng, count, |rng| What::Pause(rng.random()));
        }
        if chance(rng, 25) {
            let count = rng.random_range(1..3);
            self.blow(rng, count, |_| What::KillControl);
        }
        if chance(rng, 15) {
            self.blow(rng, 1, |_| What::PauseControl);
        }
        if chance(rng, 30) {
            let count = rng.random_range(1..5);
            self.blow(rng, count, |rng| What::Cut(rng.random(), rng.random_range(1..4)));
        }
        if chance(rng, 50) {
            let count = rng.random_range(1..3);
            self.blow(rng, count, |rng| What::Links(links(rng)));
        }
        if chance(rng, 35) {
            let count = rng.random_range(1..3);
            self.blow(rng, count, |rng| What::Ports(ports(rng)));
        }
        if chance(rng, 20) {
            let count = rng.random_range(1..4);
            self.blow(rng, count, |rng| {
                What::Clock(Clock::Pod(rng.random()), rng.random_range(1..3_000))
            });
        }
        if lies && chance(rng, 70) {
            let count = rng.random_range(1..5);
            self.blow(rng, count, |rng| What::Lie(rng.random(), lie(rng)));
        }
        scene::add(self, rng);
        self.apart(&mut ChaCha8Rng::seed_from_u64(self.seed ^ APART), lies);
        let wrong = |blow: &Blow| matches!(blow.what, What::Lie(_, Lie::Wrong));
        self.config.corruptible = self.blows.iter().any(wrong);
    }

    /// What is drawn from a stream of its own, so that it does not move what else a seed stands for.
    fn apart(&mut self, rng: &mut ChaCha8Rng, lies: bool) {
        if chance(rng, 15) {
            let count = rng.random_range(1..3);
            self.blow(rng, count, |rng| {
                What::Clock(Clock::Control, rng.random_range(1..3_000))
            });
        }
        if chance(rng, 20) {
            scene::set_clock(self, rng);
        }
        if lies && chance(rng, 15) {
            self.blow(rng, 1, |rng| What::Lie(rng.random(), Lie::Giant));
        }
    }

    fn blow(&mut self, rng: &mut ChaCha8Rng, count: usize, what: impl Fn(&mut ChaCha8Rng) -> What) {
        for _ in 0..count {
            let at = Duration::from_millis(rng.random_range(0..SAFETY.as_millis() as u64 * 8 / 10));
            let lasts = Duration::from_millis(rng.random_range(20..2_500));
            let what = what(rng);
            self.blows.push(Blow { at, lasts, what });
        }
    }

    /// Whether store and queue are one: in three of four seeds.
    pub const fn joint(&self) -> bool {
        !self.seed.is_multiple_of(4)
    }

    /// Whether a message may be received five times without anybody's fault: then its request may end in the dead-letter queue.
    pub fn may_bury(&self) -> bool {
        self.blows.iter().any(|blow| match blow.what {
            What::Ports(weather) => weather.may_bury(),
            What::KillControl | What::PauseControl => true,
            _ => false,
        })
    }
}

pub(super) fn chance(rng: &mut ChaCha8Rng, percent: u32) -> bool {
    rng.random_range(0..100) < percent
}

fn config(seed: u64, protocol: Protocol, rng: &mut ChaCha8Rng) -> PlatformConfig {
    let work = chance(rng, 50).then(|| Work {
        kind: WorkKind::Delay,
        mean: Duration::from_millis(rng.random_range(1..40)),
        distribution: WorkDistribution::Exponential,
        replicas: chance(rng, 20),
        processor: 0,
    });
    let max = rng.random_range(1..3);
    PlatformConfig {
        seed,
        protocol,
        suite: if chance(rng, 5) {
            Suite::Modern
        } else {
            Suite::Simulation
        },
        replicas: if chance(rng, 80) { 4 } else { 7 },
        count_leader_vote: chance(rng, 80),
        leader: (protocol == Protocol::Collect).then(|| {
            if chance(rng, 50) {
                LeaderChange::Election
            } else {
                LeaderChange::AdminReplace
            }
        }),
        leader_lock: chance(rng, 30),
        scaler: if chance(rng, 50) {
            Scaler::Threshold
        } else {
            Scaler::Fixed(1)
        },
        bounds: Bounds { min: 1, max },
        work: [work; 4],
        timing: Timing {
            visibility: Duration::from_millis(rng.random_range(500..6_000)),
            quorum_timeout: Duration::from_millis(rng.random_range(200..800)),
            task_timeout: Duration::from_millis(rng.random_range(800..2_500)),
            scale_down_after: Duration::from_millis(rng.random_range(500..3_000)),
            drain_timeout: Duration::from_secs(5),
            start_timeout: Duration::from_secs(3),
            probe_interval: Duration::from_millis(rng.random_range(50..300)),
            probe_timeout: Duration::from_millis(rng.random_range(40..400)),
            probe_misses: rng.random_range(1..3),
            ..Timing::default()
        },
        limits: Limits {
            // Few, so that messages die and workers are full without a long run.
            receives: rng.random_range(2..6),
            in_flight: [1, 2, 4, 64][rng.random_range(0..4)],
            ..Limits::default()
        },
        ..PlatformConfig::default()
    }
}

/// Most by events; the report's polling and, where there are no replicas, whole expressions sometimes.
fn dispatch(protocol: Protocol, rng: &mut ChaCha8Rng) -> Dispatch {
    match rng.random_range(0..100) {
        0..10 => Dispatch::Report,
        10..40 if protocol == Protocol::None => Dispatch::Whole,
        _ => Dispatch::Event,
    }
}

fn links(rng: &mut ChaCha8Rng) -> Weather {
    let often = |rng: &mut ChaCha8Rng, percent: u32, most: u32| {
        if chance(rng, percent) {
            rng.random_range(0..most)
        } else {
            0
        }
    };
    Weather {
        delay: Duration::from_micros(rng.random_range(50..20_000)),
        jitter: Duration::from_micros(rng.random_range(0..30_000)),
        drop: often(rng, 60, 300_000),
        duplicate: often(rng, 50, 500_000),
        reorder: often(rng, 50, 500_000),
        hold: Duration::from_millis(rng.random_range(1..200)),
    }
}

fn ports(rng: &mut ChaCha8Rng) -> PortWeather {
    let often = |rng: &mut ChaCha8Rng, most: u32| {
        if chance(rng, 50) {
            rng.random_range(0..most)
        } else {
            0
        }
    };
    PortWeather {
        duplicate: often(rng, 500_000),
        lost_delete: often(rng, 100_000),
        lost_receive: often(rng, 300_000),
        late: often(rng, 300_000),
        late_by: Duration::from_millis(rng.random_range(1..800)),
        failure: often(rng, 150_000),
    }
}

fn lie(rng: &mut ChaCha8Rng) -> Lie {
    match rng.random_range(0..13) {
        0 => Lie::Mute,
        1 => Lie::Slow(rng.random_range(20..1_000)),
        2 => Lie::Replay,
        3 => Lie::Forge,
        4 => Lie::Impersonate,
        5 => Lie::Flood,
        6 => Lie::Censor(rng.random()),
        7 | 12 => Lie::Tamper,
        8 => Lie::Wrong,
        9 => Lie::Alternate(rng.random_range(20..800)),
        10 => Lie::Withhold,
        _ => Lie::Twin(rng.random()),
    }
}
