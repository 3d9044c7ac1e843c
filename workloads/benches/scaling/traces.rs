//! The trace set: what arrives and how long each task takes, the same for every policy.

use std::time::Duration;

use tally_model::{Bounds, Forecast, PlatformConfig, Work, WorkDistribution, WorkKind};
use tally_workloads::{Arrivals, Pattern, Rate, Span, Stream};

/// One workload.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pattern: Pattern,
    /// Seconds.
    pub(crate) length: u64,
    /// Mean service time in seconds, exponential.
    service: f64,
    /// From when on service times are multiplied.
    drift: Option<(f64, f64)>,
}

/// A task: when it is ready and how long it takes, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) ready: f64,
    pub(crate) service: f64,
}

/// Step, ramp, hill, two bursts, square wave, a recorded form, and service times that drift.
#[allow(clippy::too_many_lines, reason = "a table")]
pub(crate) fn set() -> Vec<Trace> {
    let rate = Rate::per_second;
    let seconds = Duration::from_secs;
    let (invocations, _) = tally_workloads::synthetic(tally_workloads::SYNTHETIC_SEED);
    let functions = tally_workloads::read_trace(&invocations, None).unwrap();
    let recorded = |name: &str| {
        let function = functions.iter().find(|function| function.name == name).unwrap();
        Pattern::Trace {
            // A minute of the trace is played in ten seconds, with as many requests per second: two hours in 20 minutes.
            counts: function.counts[600..720].iter().map(|count| count / 6).collect(),
            bucket: seconds(10),
        }
    };
    let trace = |name, pattern, length| Trace {
        name,
        pattern,
        length,
        service: 0.050,
        drift: None,
    };
    vec![
        trace("steady", Pattern::Poisson { rate: rate(60) }, 600),
        trace(
            "step",
            Pattern::Step {
                from: rate(30),
                to: rate(90),
                at: seconds(200),
            },
            600,
        ),
        trace(
            "ramp",
            Pattern::Ramp {
                from: rate(10),
                to: rate(120),
            },
            600,
        ),
        trace(
            "ramp-down",
            Pattern::Ramp {
                from: rate(120),
                to: rate(10),
            },
            600,
        ),
        trace(
            "hill",
            Pattern::Hill {
                base: rate(10),
                peak: rate(120),
            },
            900,
        ),
        trace(
            "mmpp",
            Pattern::Mmpp {
                base: rate(20),
                peak: rate(100),
                calm: seconds(60),
                storm: seconds(30),
            },
            1_200,
        ),
        trace(
            "square",
            Pattern::Square {
                base: rate(20),
                peak: rate(100),
                period: seconds(120),
            },
            960,
        ),
        trace("diurnal", recorded("diurnal"), 1_200),
        trace("bursty", recorded("bursty"), 1_200),
        Trace {
            drift: Some((300.0, 1.5)),
            ..trace("drift", Pattern::Poisson { rate: rate(60) }, 600)
        },
    ]
}

impl Trace {
    /// Most sets.
    pub(crate) const MOST: u32 = 32;

    /// What comes, drawn by the seed.
    pub(crate) fn tasks(&self, seed: u64) -> Vec<Task> {
        let span = Span {
            warmup: Duration::ZERO,
            measure: Duration::from_secs(self.length),
        };
        let mut services = Stream::new(seed, self.name, "services");
        let due = Arrivals::new(&self.pattern, span, Stream::new(seed, self.name, "arrivals"));
        due.map(|due| {
            let ready = due as f64 / 1e9;
            let factor = self
                .drift
                .filter(|(from, _)| ready >= *from)
                .map_or(1.0, |(_, factor)| factor);
            let drawn = services.exponential() as f64 / 4_294_967_296.0;
            Task {
                ready,
                service: self.service * factor * drawn,
            }
        })
        .collect()
    }

    /// The platform of the comparison, with the plan for those that know it.
    pub(crate) fn config(&self, tasks: &[Task]) -> PlatformConfig {
        let bucket = Duration::from_millis(500);
        let mut arrivals: [Vec<u32>; 4] = Default::default();
        arrivals[0] = vec![0; (self.length * 2) as usize];
        for task in tasks {
            arrivals[0][(task.ready * 2.0) as usize] += 1;
        }
        let mut config = PlatformConfig {
            bounds: Bounds {
                min: 1,
                max: Self::MOST,
            },
            ..PlatformConfig::default()
        };
        config.work[0] = Some(Work {
            kind: WorkKind::Delay,
            mean: Duration::from_secs_f64(self.service),
            distribution: WorkDistribution::Exponential,
            replicas: false,
            processor: 0,
        });
        config.scaling.forecast = Some(Forecast {
            bucket,
            arrivals,
            drift: self
                .drift
                .map(|(from, factor)| (Duration::from_secs_f64(from), factor)),
        });
        config
    }
}
