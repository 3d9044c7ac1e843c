//! What a plan will ask of the layers: for the policies that know the future.

use std::time::Duration;

use tally_model::{Forecast, Scaling};

use crate::Plan;

/// Length of the stretches of a forecast.
const BUCKET: Duration = Duration::from_millis(500);

impl Plan {
    /// Tasks per operation and half a second. A task counts where its request is due; that it may have to wait for
    /// operands is left out. Closed loads are not foreseen.
    pub fn forecast(&self, scaling: &Scaling) -> Forecast {
        let bucket = BUCKET.as_nanos() as u64;
        let length = usize::try_from(self.measure_end().div_ceil(bucket)).unwrap_or(0);
        let mut arrivals: [Vec<u32>; 4] = std::array::from_fn(|_| vec![0; length]);
        for shot in self.shots.iter() {
            let Ok(expression) = tally_expression::parse(shot.expression) else {
                continue;
            };
            let place = usize::try_from(shot.due / bucket).unwrap_or(usize::MAX);
            for task in expression.dag().tasks {
                if let Some(count) = arrivals[task.operation.index()].get_mut(place) {
                    *count += 1;
                }
            }
        }
        Forecast {
            bucket: BUCKET,
            arrivals,
            drift: scaling
                .drift
                .map(|drift| (self.phases.warmup.saturating_add(drift.at), drift.factor)),
        }
    }
}
