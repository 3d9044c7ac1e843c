//! The service-time model: how long an operation takes, as a pure function (design decision 15).

use std::time::Duration;

use tally_model::{Drift, Job, Operation, PlatformConfig, Work, WorkDistribution, WorkKind};

/// No draw is longer than this many means, so that one task cannot outlive every timeout.
const LONGEST: f64 = 20.0;

/// How long a job takes, by the way in which it passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Service {
    /// Burnt first.
    pub(crate) spin: Duration,
    /// Waited for then.
    pub(crate) delay: Duration,
}

impl Service {
    /// Of both kinds.
    pub(crate) const fn total(self) -> Duration {
        self.spin.saturating_add(self.delay)
    }

    fn add(&mut self, work: Work, time: Duration) {
        let spin = match work.kind {
            WorkKind::Spin => time,
            WorkKind::Delay => time * u32::from(work.processor.min(100)) / 100,
        };
        self.spin = self.spin.saturating_add(spin);
        self.delay = self.delay.saturating_add(time.saturating_sub(spin));
    }
}

/// How long `job` takes, drawn by the platform's seed, the request's work key and the task's index; none without a model
/// for its operation. A whole expression takes the sum of what its operations, each with its own index, would have taken. Equal
/// arguments give equal times on every machine of one architecture.
pub(crate) fn service(config: &PlatformConfig, job: &Job, work_key: u64) -> Option<Service> {
    if !config.takes_time(job.operation) {
        return None;
    }
    let mut service = Service::default();
    let mut add = |operation, index| {
        if let Some(work) = config.work_of(operation) {
            service.add(work, draw(config, work, work_key, index));
        }
    };
    match &job.expression {
        None => add(job.operation, job.task.index),
        Some(text) => {
            let tasks = tally_expression::parse(text).map_or(Vec::new(), |parsed| parsed.dag().tasks);
            for task in tasks {
                add(task.operation, task.index);
            }
        }
    }
    Some(service)
}

/// How long a job takes in all; see `service`.
pub fn service_time(config: &PlatformConfig, job: &Job, work_key: u64) -> Option<Duration> {
    service(config, job, work_key).map(Service::total)
}

/// The service time of one operation.
fn draw(config: &PlatformConfig, work: Work, work_key: u64, index: u16) -> Duration {
    let drift = config.scaling.drift.filter(|_| work_key & Drift::BIT != 0);
    let mean = drift.map_or(work.mean, |drift| work.mean.mul_f64(drift.factor));
    let (first, second) = uniforms(config.seed, work_key, index);
    let factor = match work.distribution {
        WorkDistribution::Fixed => 1.0,
        WorkDistribution::Exponential => -(1.0 - first).ln(),
        WorkDistribution::LogNormal => log_normal(first, second),
    };
    mean.mul_f64(factor.clamp(0.0, LONGEST))
}

/// The longest that any single operation of a layer takes; zero without a model for it.
pub(crate) fn longest_service(config: &PlatformConfig, operation: Operation) -> Duration {
    let drift = config.scaling.drift.map_or(1.0, |drift| drift.factor.max(1.0));
    config
        .work_of(operation)
        .map_or(Duration::ZERO, |work| work.mean.mul_f64(drift * LONGEST))
}

/// Mean 1, coefficient of variation 1: sigma^2 = ln 2, mu = -sigma^2 / 2. Normal by Box-Muller.
fn log_normal(first: f64, second: f64) -> f64 {
    let variance = std::f64::consts::LN_2;
    let radius = (-2.0 * (1.0 - first).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * second).cos();
    variance.sqrt().mul_add(normal, -variance / 2.0).exp()
}

/// Two numbers in [0, 1) that belong to the draw.
fn uniforms(seed: u64, work_key: u64, index: u16) -> (f64, f64) {
    let mut hasher = blake3::Hasher::new_derive_key("tally v1 service time");
    hasher.update(&seed.to_be_bytes());
    hasher.update(&work_key.to_be_bytes());
    hasher.update(&index.to_be_bytes());
    let bytes = hasher.finalize();
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes.as_bytes()[at..at + 8]);
        (u64::from_be_bytes(word) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (word(0), word(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_model::{RequestId, TaskId, Work, WorkKind};

    fn config(distribution: WorkDistribution) -> PlatformConfig {
        let mut config = PlatformConfig::default();
        config.work[Operation::Mul.index()] = Some(Work {
            kind: WorkKind::Delay,
            mean: Duration::from_millis(20),
            distribution,
            replicas: false,
            processor: 0,
        });
        config
    }

    fn job(operation: Operation, index: u16) -> Job {
        Job {
            task: TaskId {
                request: RequestId(1),
                index,
            },
            operation,
            expression: None,
            left: "1".into(),
            right: "2".into(),
        }
    }

    /// Mean and standard deviation of 20,000 draws, in milliseconds.
    fn moments(distribution: WorkDistribution) -> (f64, f64) {
        let config = config(distribution);
        let draws: Vec<f64> = (0..20_000)
            .filter_map(|key| service_time(&config, &job(Operation::Mul, 0), key))
            .map(|time| time.as_secs_f64() * 1e3)
            .collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        (mean, variance.sqrt())
    }

    /// Every distribution has the configured mean; the two that vary have a coefficient of variation of 1.
    #[test]
    fn draws_have_the_configured_mean_and_spread() {
        assert_eq!(moments(WorkDistribution::Fixed), (20.0, 0.0));
        for distribution in [WorkDistribution::Exponential, WorkDistribution::LogNormal] {
            let (mean, deviation) = moments(distribution);
            assert!((19.0..21.0).contains(&mean), "{distribution}: mean {mean}");
            assert!(
                (18.0..22.0).contains(&deviation),
                "{distribution}: deviation {deviation}"
            );
        }
    }

    /// A delay of which a part is burnt takes as long in all.
    #[test]
    fn a_part_of_a_delay_can_be_burnt() {
        let mut config = config(WorkDistribution::Exponential);
        let (mul, job) = (Operation::Mul.index(), job(Operation::Mul, 0));
        let waits = service(&config, &job, 7).unwrap();
        assert!(waits.spin.is_zero() && !waits.delay.is_zero());
        config.work[mul] = config.work[mul].map(|work| Work {
            processor: 10,
            ..work
        });
        let mixed = service(&config, &job, 7).unwrap();
        assert_eq!(mixed.total(), waits.total());
        assert_eq!(mixed.spin, waits.total() / 10);
        config.work[mul] = config.work[mul].map(|work| Work {
            processor: 100,
            ..work
        });
        assert_eq!(service(&config, &job, 7).unwrap().spin, waits.total());
    }

    /// Where service times drift, marked keys take as much longer, and only where they drift.
    #[test]
    fn marked_keys_take_longer_where_service_times_drift() {
        let mut config = config(WorkDistribution::Fixed);
        let draw = |config: &PlatformConfig, drifted| {
            service_time(config, &job(Operation::Mul, 0), Drift::mark(12, drifted)).unwrap()
        };
        assert_eq!(draw(&config, true), draw(&config, false));
        config.scaling.drift = Some(Drift {
            at: Duration::ZERO,
            factor: 1.5,
        });
        assert_eq!(draw(&config, false), Duration::from_millis(20));
        assert_eq!(draw(&config, true), Duration::from_millis(30));
    }

    /// A whole expression takes what its operations would have taken one by one, each by its own draw and its own kind.
    #[test]
    fn a_whole_expression_takes_the_sum_of_its_operations() {
        let mut config = config(WorkDistribution::Exponential);
        config.work[Operation::Add.index()] = config.work_of(Operation::Mul).map(|work| Work {
            kind: WorkKind::Spin,
            ..work
        });
        let draw = |config: &PlatformConfig, operation, index| {
            service_time(config, &job(operation, index), 7).unwrap()
        };
        let sums = draw(&config, Operation::Add, 0) + draw(&config, Operation::Add, 1);
        let product = draw(&config, Operation::Mul, 2);
        let whole = Job {
            expression: Some("(1+2)*(3+4)-5".into()),
            ..job(Operation::Sub, 0)
        };
        assert_eq!(service(&config, &whole, 7), None, "its layer has no service time");
        config.dispatch = tally_model::Dispatch::Whole;
        let expected = Service {
            spin: sums,
            delay: product,
        };
        assert_eq!(service(&config, &whole, 7), Some(expected));
        assert_eq!(service_time(&config, &whole, 7), Some(sums + product));
        config.work = [None; 4];
        assert_eq!(service(&config, &whole, 7), None);
    }

    /// A draw depends on seed, work key and task index, and on nothing else; operations without a model take no time.
    #[test]
    fn a_draw_follows_from_seed_key_and_index() {
        let config = config(WorkDistribution::Exponential);
        let draw = |key, index| service_time(&config, &job(Operation::Mul, index), key);
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        let other = PlatformConfig {
            seed: 2,
            ..config.clone()
        };
        assert_ne!(service_time(&other, &job(Operation::Mul, 0), 1), draw(1, 0));
        assert_eq!(service_time(&config, &job(Operation::Add, 0), 1), None);
    }
}
