//! What an autoscaler is told, and the flags of its controller.

use std::time::Duration;

use super::{Behavior, Compat, Tolerance};

/// How metrics are compared with their targets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calculation {
    /// What is close enough.
    pub tolerance: Tolerance,
    /// Which Kubernetes.
    pub compat: Compat,
}

/// One autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Fewest replicas, at least 0 and at most `max`.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
    /// Limits on steps; without them the older rules apply (at most double, and a window for the way down only).
    pub behavior: Option<Behavior>,
    /// The flag for tolerance.
    pub tolerance: Tolerance,
    /// The flag for how long recommendations hold the way down, 300 s by default; used without behavior only, because
    /// a behavior says its own.
    pub downscale_stabilization: Duration,
    /// Which Kubernetes.
    pub compat: Compat,
}

impl Spec {
    /// The flag `horizontal-pod-autoscaler-downscale-stabilization` if nobody sets it.
    pub const DOWNSCALE_STABILIZATION: Duration = Duration::from_mins(5);

    /// With these bounds and the controller's defaults.
    pub fn new(min: i32, max: i32) -> Self {
        Self {
            min,
            max,
            behavior: None,
            tolerance: Tolerance::default(),
            downscale_stabilization: Self::DOWNSCALE_STABILIZATION,
            compat: Compat::default(),
        }
    }

    /// How metrics are compared with their targets.
    pub fn calculation(&self) -> Calculation {
        Calculation {
            tolerance: self.tolerance.overridden(self.behavior.as_ref(), self.compat),
            compat: self.compat,
        }
    }

    /// Everything that Kubernetes would refuse, for people; empty if it would accept.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.min < 0 {
            problems.push(format!("min is {}, it must be at least 0", self.min));
        }
        if self.max < self.min.max(1) {
            problems.push(format!(
                "max is {}, it must be at least {}",
                self.max,
                self.min.max(1)
            ));
        }
        if let Some(behavior) = &self.behavior {
            problems.extend(behavior.problems());
        }
        problems
    }
}
