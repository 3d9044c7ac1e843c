//! The platform's own observations, moved to the trial's zero.

use tally_model::{Instant, Observation};

/// Every observation, in order; `zero` is when the trial began, by the wall clock, in nanoseconds.
pub(super) fn in_trial_time(mut observations: Vec<Observation>, zero: u64) -> Vec<Observation> {
    for observation in &mut observations {
        observation.at = Instant::from_nanos(observation.at.as_nanos().saturating_sub(zero));
    }
    observations.sort_by_key(|observation| observation.at);
    observations
}
