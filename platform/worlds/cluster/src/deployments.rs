//! Workers that Kubernetes makes: Deployments, and the live autoscalers that scale them.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_kubernetes::{Autoscaler, Metric};
use tally_model::Operation;
use tally_process::Error;

use crate::operator::{Operator, ours};
use crate::platform::{Options, Sets, WORKERS};

/// How long an autoscaler may take until it reads its metric. It looks every 15 s, an API that did not answer is tried again
/// after up to 30 s, and metrics of new pods come after a minute.
const ACTIVE: Duration = Duration::from_mins(3);
/// Between two looks of an autoscaler (`--horizontal-pod-autoscaler-sync-period`).
const PERIOD: Duration = Duration::from_secs(15);
/// Hexadecimal digits of the platform's name in an autoscaler's.
const DIGITS: usize = 8;

/// Sets the Deployments of workers and their autoscalers to what the experiment asks for.
pub(crate) fn deploy(operator: &Operator, options: &Options, cluster: &str) -> Result<(), Error> {
    let bounds = options.platform.bounds;
    let pods = match options.sets {
        Sets::Made => return Ok(()),
        Sets::ScaledByCpu(_) | Sets::ScaledByDepth(_) => bounds.min,
        Sets::Deployed(pods) => pods,
    };
    let deployments = operator.call(async |operate| operate.scale(WORKERS, &ours(), pods).await)?;
    operator.autoscalers(async |autoscalers| autoscalers.delete_all().await)?;
    for operation in Operation::ALL {
        let name = format!("worker-{operation}");
        if !deployments.contains(&name) {
            return Err(Error::Start(format!(
                "there is no Deployment {name} in {WORKERS}: apply an overlay scaling-hpa-* first"
            )));
        }
        let Some(metric) = metric(options.sets, operation) else {
            continue;
        };
        let wanted = Autoscaler {
            // The controller remembers by name what it recommended in the last five minutes (its stabilisation window), also
            // of an object that is gone: under a new name it starts without what another platform needed.
            name: format!("{name}-{}", cluster.get(..DIGITS).unwrap_or(cluster)),
            operation,
            deployment: name,
            min: bounds.min,
            max: bounds.max,
            metric,
        };
        operator.autoscalers(async |autoscalers| autoscalers.apply(&wanted).await.map(|_| ()))?;
    }
    Ok(())
}

/// What a live autoscaler looks at; none where there is none.
fn metric(sets: Sets, operation: Operation) -> Option<Metric> {
    match sets {
        Sets::ScaledByCpu(percent) => Some(Metric::Cpu { percent }),
        Sets::ScaledByDepth(average) => Some(Metric::External {
            name: "tally_layer_depth".to_owned(),
            labels: BTreeMap::from([("operation".to_owned(), operation.name().to_owned())]),
            average,
        }),
        Sets::Made | Sets::Deployed(_) => None,
    }
}

/// Returns when every live autoscaler reads its metric: a baseline that cannot see is no baseline. Load that began as soon as it
/// does would always meet it right after a look, so this waits for a part of its period that the platform's name draws.
///
/// # Errors
/// If one does not in three minutes, with what it says.
pub(crate) fn await_autoscalers(operator: &Operator, sets: Sets, cluster: &str) -> Result<(), Error> {
    if !matches!(sets, Sets::ScaledByCpu(_) | Sets::ScaledByDepth(_)) {
        return Ok(());
    }
    let seeing = operator.wait_autoscalers(ACTIVE, |all| {
        let active = |operation: Operation| {
            let of_it =
                |one: &&tally_kubernetes::AutoscalerFact| one.operation.as_deref() == Some(operation.name());
            all.iter().find(of_it).is_some_and(|one| one.active == Some(true))
        };
        Operation::ALL.into_iter().all(active)
    });
    seeing.map_err(|all| {
        let blind = all.iter().filter(|one| one.active != Some(true));
        let told: Vec<String> = blind.map(|one| format!("{} ({})", one.name, one.why)).collect();
        Error::Start(format!(
            "not every HorizontalPodAutoscaler reads its metric after {ACTIVE:?}: {}",
            told.join("; ")
        ))
    })?;
    std::thread::sleep(phase(cluster));
    Ok(())
}

/// A part of [`PERIOD`], evenly distributed over platforms' names (which are random).
fn phase(cluster: &str) -> Duration {
    let digits = cluster.get(..DIGITS).unwrap_or_default();
    let part = u32::from_str_radix(digits, 16).unwrap_or_default();
    PERIOD.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From nothing to a whole period.
    #[test]
    fn load_begins_anywhere_in_the_period() {
        assert_eq!(phase("00000000aaaa"), Duration::ZERO);
        assert_eq!(phase("ffffffffaaaa"), PERIOD);
        let half = phase("80000000aaaa").as_secs_f64();
        assert!((half - 7.5).abs() < 0.01, "{half}");
    }
}
