//! How far a metric may be from its target without consequence.

use super::{Behavior, Compat};

/// Fractions of the target, at least 0; 0.1 is the default of the controller's flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Below the target.
    pub down: f64,
    /// Above the target.
    pub up: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { down: 0.1, up: 0.1 }
    }
}

impl Tolerance {
    /// True if this ratio of usage to target asks for no change. The bounds belong to the interval; NaN does not.
    ///
    /// `1 - down` and `1 + up` are computed as written: the form of 1.20, `|1 - ratio|`, rounds differently.
    pub fn within(self, ratio: f64, compat: Compat) -> bool {
        if compat.has_tolerance_interval() {
            1.0 - self.down <= ratio && ratio <= 1.0 + self.up
        } else {
            let tolerance = if ratio > 1.0 { self.up } else { self.down };
            (1.0 - ratio).abs() <= tolerance
        }
    }

    /// With the tolerances that a behavior sets in place of the flag's; 1.20 knew the flag only.
    pub(super) fn overridden(self, behavior: Option<&Behavior>, compat: Compat) -> Self {
        let Some(behavior) = behavior.filter(|_| compat.has_tolerance_interval()) else {
            return self;
        };
        Self {
            down: behavior.down.tolerance.unwrap_or(self.down),
            up: behavior.up.tolerance.unwrap_or(self.up),
        }
    }
}
