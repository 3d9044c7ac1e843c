//! What a plan will ask of the layers: for the policies that know the future.

use std::time::Duration;

use tally_expression::Dag;
use tally_model::{Dispatch, Forecast, Operation, PlatformConfig};

use crate::Plan;

/// Length of the stretches of a forecast.
const BUCKET: Duration = Duration::from_millis(500);

impl Plan {
    /// Tasks per operation and half a second. A task counts where its request is due; that it may have to wait for
    /// operands is left out. Closed loads are not foreseen.
    ///
    /// A whole expression (`dispatch = whole`) counts at the layer of its root, as often as one task of it fits into its service time on the
    /// average; once where that has none.
    pub fn forecast(&self, platform: &PlatformConfig) -> Forecast {
        let bucket = BUCKET.as_nanos() as u64;
        let length = usize::try_from(self.measure_end().div_ceil(bucket)).unwrap_or(0);
        let mut arrivals: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0.0; length]);
        for shot in self.shots.iter() {
            let Ok(expression) = tally_expression::parse(shot.expression) else {
                continue;
            };
            let place = usize::try_from(shot.due / bucket).unwrap_or(usize::MAX);
            for (layer, tasks) in asked(&expression.dag(), platform) {
                if let Some(count) = arrivals[layer.index()].get_mut(place) {
                    *count += tasks;
                }
            }
        }
        Forecast {
            bucket: BUCKET,
            arrivals: arrivals.map(|counts| counts.into_iter().map(|count| count.round() as u32).collect()),
            drift: platform
                .scaling
                .drift
                .map(|drift| (self.phases.warmup.saturating_add(drift.at), drift.factor)),
        }
    }
}

/// How many tasks of which layers an expression is.
fn asked(dag: &Dag, platform: &PlatformConfig) -> Vec<(Operation, f64)> {
    let each = dag.tasks.iter().map(|task| task.operation);
    let Some(root) = each
        .clone()
        .next_back()
        .filter(|_| platform.dispatch == Dispatch::Whole)
    else {
        return each.map(|operation| (operation, 1.0)).collect();
    };
    let mean = |operation| {
        platform
            .work_of(operation)
            .map_or(0.0, |work| work.mean.as_secs_f64())
    };
    let all: f64 = each.map(mean).sum();
    let tasks = if mean(root) > 0.0 { all / mean(root) } else { 1.0 };
    vec![(root, tasks)]
}

#[cfg(test)]
mod tests {
    use tally_model::{Work, WorkDistribution, WorkKind};

    use super::*;

    /// A whole expression asks its root's layer for the service time of all its operations, counted in tasks of that layer.
    #[test]
    fn a_whole_expression_is_asked_of_its_root() -> Result<(), String> {
        let dag = tally_expression::parse("(1+2)*(3+4)")
            .map_err(|error| error.to_string())?
            .dag();
        let mut platform = PlatformConfig::default();
        let [add, mul] = [Operation::Add, Operation::Mul];
        let each = asked(&dag, &platform);
        assert_eq!(each, [(add, 1.0), (add, 1.0), (mul, 1.0)]);
        platform.dispatch = Dispatch::Whole;
        assert_eq!(asked(&dag, &platform), [(mul, 1.0)]);
        let work = |millis| {
            Some(Work {
                kind: WorkKind::Delay,
                mean: Duration::from_millis(millis),
                distribution: WorkDistribution::Fixed,
                replicas: false,
                processor: 0,
            })
        };
        platform.work[add.index()] = work(30);
        platform.work[mul.index()] = work(20);
        assert_eq!(asked(&dag, &platform), [(mul, 4.0)]);
        Ok(())
    }
}
