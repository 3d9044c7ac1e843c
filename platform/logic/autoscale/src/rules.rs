//! The numbers that policies share.

use std::time::Duration;

use tally_model::{Bounds, PlatformConfig};

/// Bounds, threshold and waits; every policy of one run has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        }
    }

    /// The rules of a platform. A reading is stale after ten ticks, but not before a second.
    pub fn of(config: &PlatformConfig) -> Self {
        let stale_after = config
            .timing
            .scale_tick
            .saturating_mul(10)
            .max(Duration::from_secs(1));
        Self::new(
            config.bounds,
            config.threshold,
            config.timing.scale_down_after,
            stale_after,
        )
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
