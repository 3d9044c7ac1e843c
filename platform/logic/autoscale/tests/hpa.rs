//! The model of the HorizontalPodAutoscaler: rows of Kubernetes' own tests, tables computed by hand, and properties.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "hpa/calculation.rs"]
mod calculation;
#[path = "hpa/malformed.rs"]
mod malformed;
#[path = "hpa/memory.rs"]
mod memory;
#[path = "hpa/policies.rs"]
mod policies;
#[path = "hpa/properties.rs"]
mod properties;
#[path = "hpa/readiness.rs"]
mod readiness;
#[path = "hpa/reconcile.rs"]
mod reconcile;
#[path = "hpa/replay.rs"]
mod replay;
#[path = "hpa/rows.rs"]
mod rows;

use std::time::Duration;

use tally_autoscale::hpa::{Metric, PodReading, PodSample, PodState, TotalTarget};
use tally_model::Instant;

/// `seconds` after a time that is late enough for everything before.
pub(crate) fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(1_000_000 + seconds)
}

/// An external metric of `total` with a target of 4 per replica, both in whole units.
pub(crate) fn queue(total: i64) -> Metric {
    Metric::External {
        target: TotalTarget::AverageValue(4_000),
        reading: Ok(vec![total * 1_000]),
    }
}

/// A pod in whole units.
pub(crate) const fn pod(state: PodState, usage: Option<i64>) -> PodSample {
    let usage = match usage {
        Some(usage) => Some(usage * 1_000),
        None => None,
    };
    PodSample {
        state,
        usage,
        request: None,
    }
}

/// A custom metric of pods with a target of 10 each.
pub(crate) fn tens(pods: Vec<PodSample>) -> Metric {
    let superfluous = Vec::new();
    Metric::Pods {
        target: 10_000,
        reading: Ok(PodReading { pods, superfluous }),
    }
}
