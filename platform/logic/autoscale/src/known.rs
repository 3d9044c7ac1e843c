//! What is known of a layer from outside: the arrivals of the plan. Only policies that say so in their name look at it.

use std::time::Duration;

use tally_model::{Operation, PlatformConfig, Work, WorkDistribution};

/// Arrivals and service time of one layer, as the experiment has them; empty without a forecast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Tasks that become ready in each stretch of [`Known::bucket`], from the first request of the plan on.
    pub arrivals: Vec<u32>,
    /// Length of a stretch.
    pub bucket: Duration,
    /// From when on service times are multiplied, and by what.
    pub drift: Option<(Duration, f64)>,
    /// The service-time model.
    pub work: Option<Work>,
}

impl Known {
    /// What `config` says of this layer.
    pub fn of(config: &PlatformConfig, operation: Operation) -> Self {
        let forecast = config.scaling.forecast.as_ref();
        Self {
            arrivals: forecast.map_or_else(Vec::new, |forecast| forecast.arrivals[operation.index()].clone()),
            bucket: forecast.map_or(Duration::ZERO, |forecast| forecast.bucket),
            drift: forecast.and_then(|forecast| forecast.drift),
            work: config.work_of(operation),
        }
    }

    /// Mean service time in seconds at this time of the plan, and its squared coefficient of variation; what takes no time takes a hundredth of a
    /// millisecond.
    pub(crate) fn service(&self, at: Duration) -> (f64, f64) {
        let Some(work) = self.work else {
            return (1e-5, 0.0);
        };
        let variation = match work.distribution {
            WorkDistribution::Fixed => 0.0,
            WorkDistribution::Exponential | WorkDistribution::LogNormal => 1.0,
        };
        let factor = self
            .drift
            .filter(|(from, _)| at >= *from)
            .map_or(1.0, |(_, factor)| factor);
        ((work.mean.as_secs_f64() * factor).max(1e-5), variation)
    }
}
