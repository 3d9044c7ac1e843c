//! From samples of pods to a number of replicas: the ratio to the target, and what is assumed of pods without samples.

use super::{Calculation, Compat, PodReading, PodState, PodTarget, Proposal};

/// A sample that counts, with what its pod requested.
#[derive(Clone, Copy, Debug)]
struct Sample {
    usage: i64,
    /// None for samples of unknown pods.
    request: Option<i64>,
}

/// All samples together.
#[derive(Clone, Copy, Debug)]
struct Measured {
    /// Usage over target.
    ratio: f64,
    /// Whole percent of the request.
    utilization: Option<i32>,
    /// Milli-units per sample.
    usage: i64,
}

/// Proposes replicas for a metric of pods.
///
/// # Errors
/// There are no pods, no samples that count, or requests are missing.
pub(super) fn propose(
    target: PodTarget,
    reading: &PodReading,
    current: i32,
    by: &Calculation,
) -> Result<Proposal, String> {
    check(target, reading)?;
    let counted = reading.pods.iter().filter(|pod| pod.group() == PodState::Counted);
    let mut samples: Vec<Sample> = counted
        .filter_map(|pod| {
            let request = pod.request;
            pod.sample().map(|usage| Sample { usage, request })
        })
        .collect();
    let ready = samples.len();
    samples.extend(
        reading
            .superfluous
            .iter()
            .map(|&usage| Sample { usage, request: None }),
    );
    if samples.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    let first = target.measure(&samples)?;
    let count = |state| reading.pods.iter().filter(|pod| pod.group() == state).count();
    let with_unready = count(PodState::Unready) > 0 && first.ratio > 1.0;
    let replicas = if !with_unready && count(PodState::Missing) == 0 {
        if by.tolerance.within(first.ratio, by.compat) {
            current
        } else {
            times(first.ratio, ready)
        }
    } else {
        target.fill_in(&mut samples, reading, first.ratio, by.compat);
        cautious(target, &samples, first.ratio, current, by)?
    };
    Ok(Proposal {
        replicas,
        utilization: first.utilization,
        usage: first.usage,
    })
}

/// What makes a reading useless before anything is computed.
fn check(target: PodTarget, reading: &PodReading) -> Result<(), String> {
    let sampled = reading.pods.iter().any(|pod| pod.sample().is_some());
    if !sampled && reading.superfluous.is_empty() {
        return Err("unable to get metrics: no metrics returned from the metrics API".to_owned());
    }
    if reading.pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".to_owned());
    }
    let needs_requests = matches!(target, PodTarget::Utilization(_));
    match reading.pods.iter().position(|pod| pod.request.is_none()) {
        Some(index) if needs_requests => Err(format!("missing request for the resource in pod {index}")),
        _ => Ok(()),
    }
}

/// After assumptions were filled in: never in the other direction than without them.
fn cautious(
    target: PodTarget,
    samples: &[Sample],
    before: f64,
    current: i32,
    by: &Calculation,
) -> Result<i32, String> {
    let ratio = target.measure(samples)?.ratio;
    let turned = (before < 1.0 && ratio > 1.0) || (before > 1.0 && ratio < 1.0);
    if turned || by.tolerance.within(ratio, by.compat) {
        return Ok(current);
    }
    let replicas = times(ratio, samples.len());
    let against = (ratio < 1.0 && replicas > current) || (ratio > 1.0 && replicas < current);
    if against && by.compat.guards_direction() {
        return Ok(current);
    }
    Ok(replicas)
}

/// `ceil(ratio * count)`; beyond 32 bits the largest number.
fn times(ratio: f64, count: usize) -> i32 {
    (ratio * count as f64).ceil() as i32
}

impl PodTarget {
    fn measure(self, samples: &[Sample]) -> Result<Measured, String> {
        match self {
            Self::Utilization(percent) => utilization(percent, samples),
            Self::AverageValue(target) => {
                let sum: i128 = samples.iter().map(|sample| i128::from(sample.usage)).sum();
                let usage = narrow(sum / samples.len().max(1) as i128);
                Ok(Measured {
                    ratio: usage as f64 / target as f64,
                    utilization: None,
                    usage,
                })
            }
        }
    }

    /// Adds a sample for every pod that has none, each the careful way for the direction of `ratio`.
    fn fill_in(self, samples: &mut Vec<Sample>, reading: &PodReading, ratio: f64, compat: Compat) {
        for pod in &reading.pods {
            let usage = match pod.group() {
                PodState::Missing if ratio < 1.0 => Some(self.busy(pod.request, compat)),
                PodState::Missing if ratio > 1.0 || self.counts_missing_on_target(compat) => Some(0),
                PodState::Unready if ratio > 1.0 => Some(0),
                _ => None,
            };
            let request = pod.request;
            samples.extend(usage.map(|usage| Sample { usage, request }));
        }
    }

    /// What a missing pod is taken to use on the way down.
    fn busy(self, request: Option<i64>, compat: Compat) -> i64 {
        match self {
            Self::AverageValue(target) => target,
            Self::Utilization(percent) => {
                let percent = if compat.assumes_the_target() {
                    percent.max(100)
                } else {
                    100
                };
                narrow(i128::from(request.unwrap_or(0)) * i128::from(percent) / 100)
            }
        }
    }

    const fn counts_missing_on_target(self, compat: Compat) -> bool {
        matches!(self, Self::AverageValue(_)) && !compat.leaves_out_missing_on_target()
    }
}

/// The ratio of sums, in whole percent: 60.9 % is 60 %.
fn utilization(percent: i32, samples: &[Sample]) -> Result<Measured, String> {
    let known = samples
        .iter()
        .filter_map(|sample| sample.request.map(|request| (sample.usage, request)));
    let (mut usage, mut requested, mut count) = (0_i128, 0_i128, 0_i128);
    for (used, request) in known {
        usage += i128::from(used);
        requested += i128::from(request);
        count += 1;
    }
    if requested == 0 {
        return Err("no metrics returned matched known pods".to_owned());
    }
    let utilization = narrow(usage * 100 / requested).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    Ok(Measured {
        ratio: f64::from(utilization) / f64::from(percent),
        utilization: Some(utilization),
        usage: narrow(usage / count.max(1)),
    })
}

/// The nearest number of 64 bits.
fn narrow(wide: i128) -> i64 {
    wide.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
