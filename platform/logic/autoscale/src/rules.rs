//! The numbers that policies share.

use std::time::Duration;

use tally_model::{Bounds, HpaRules, PlatformConfig, Scaling};

/// Bounds, threshold, waits and aims; every policy of one run has the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Hard limits on the number of sets, `min <= max`.
    min: u32,
    max: u32,
    /// Tasks per set above which a layer is overloaded, at least 1; the report's 4 (M38).
    pub threshold: u32,
    /// How long demand must be low before one set is removed.
    pub scale_down_after: Duration,
    /// A reading older than this decides nothing.
    pub stale_after: Duration,
    /// What 95 % of the tasks may take from ready to answered.
    pub objective: Duration,
    /// How often the layer's work is reported; above zero.
    pub interval: Duration,
    /// Parameters of `hpa`.
    pub hpa: HpaRules,
}

impl Rules {
    /// Rules with these bounds; a maximum below the minimum counts as the minimum, a threshold of 0 as 1.
    pub fn new(bounds: Bounds, threshold: u32, scale_down_after: Duration, stale_after: Duration) -> Self {
        Self {
            min: bounds.min,
            max: bounds.max.max(bounds.min),
            threshold: threshold.max(1),
            scale_down_after,
            stale_after,
            objective: Scaling::default().objective,
            interval: Scaling::default().interval,
            hpa: HpaRules::default(),
        }
    }

    /// The rules of a platform. A reading is stale after ten ticks, but not before a second.
    pub fn of(config: &PlatformConfig) -> Self {
        let stale_after = config
            .timing
            .scale_tick
            .saturating_mul(10)
            .max(Duration::from_secs(1));
        let scaling = &config.scaling;
        Self {
            objective: scaling.objective,
            interval: scaling.interval.max(Duration::from_millis(1)),
            hpa: scaling.hpa,
            ..Self::new(
                config.bounds,
                config.threshold,
                config.timing.scale_down_after,
                stale_after,
            )
        }
    }

    /// The same, but never without a set.
    pub(crate) fn at_least_one(self) -> Self {
        Self {
            min: self.min.max(1),
            max: self.max.max(1),
            ..self
        }
    }

    /// Never fewer sets.
    pub const fn min(&self) -> u32 {
        self.min
    }

    /// Never more sets.
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// The nearest number of sets within the bounds.
    pub fn clamp(&self, wanted: u64) -> u32 {
        u32::try_from(wanted)
            .unwrap_or(u32::MAX)
            .clamp(self.min, self.max)
    }
}
