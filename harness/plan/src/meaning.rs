//! What each value alone cannot show: the schedule, the limits, the numbers of requests.

use std::time::Duration;

use tally_model::{FaultType, Protocol};
use tally_workloads::Pattern;

use crate::diagnose::{Place, Problems};
use crate::plan::MAX_SHOTS;
use crate::units::say_duration;
use crate::{Experiment, Fault, Function, role_name};

/// The fewest trials from which an order-statistic interval of 95 % can be made (`1 - 2/2^n >= 0.95`).
const FEWEST_TRIALS: u32 = 6;

/// Where the values stand that are checked against each other.
pub(crate) struct Places {
    pub(crate) drain: Place,
    pub(crate) trials: Place,
    pub(crate) loads: Vec<LoadPlaces>,
    pub(crate) faults: Vec<FaultPlaces>,
    pub(crate) expectations: Vec<Place>,
}

/// Of a load.
pub(crate) struct LoadPlaces {
    pub(crate) name: Place,
    pub(crate) at: Place,
    pub(crate) length: Place,
}

/// Of a fault.
pub(crate) struct FaultPlaces {
    pub(crate) name: Place,
    pub(crate) role: Place,
    pub(crate) at: Place,
    pub(crate) length: Place,
}

/// Checks an experiment that was read, as far as it was read.
pub(crate) fn check(experiment: &Experiment, places: &Places, problems: &mut Problems) {
    unique(
        "load",
        experiment.loads.iter().map(|load| &load.name),
        places.loads.iter().map(|p| &p.name),
        problems,
    );
    unique(
        "fault",
        experiment.faults.iter().map(|fault| &fault.name),
        places.faults.iter().map(|p| &p.name),
        problems,
    );
    bursts(experiment, places, problems);
    for (fault, place) in experiment.faults.iter().zip(&places.faults) {
        one_fault(experiment, fault, place, &places.drain, problems);
    }
    overlaps(experiment, places, problems);
    amount(experiment, places, problems);
    statistics(experiment, places, problems);
}

fn unique<'a>(
    what: &str,
    names: impl Iterator<Item = &'a String>,
    places: impl Iterator<Item = &'a Place>,
    problems: &mut Problems,
) {
    let mut seen: Vec<&String> = Vec::new();
    for (name, place) in names.zip(places) {
        if seen.contains(&name) {
            problems
                .at(place, "F0302", format!("there are two of the name `{name}`"))
                .label("second one")
                .help(format!("every {what} has a name of its own"));
        }
        seen.push(name);
    }
}

fn bursts(experiment: &Experiment, places: &Places, problems: &mut Problems) {
    let measure = experiment.phases.measure;
    for (load, place) in experiment.loads.iter().zip(&places.loads) {
        let Pattern::Burst { at, length, .. } = load.pattern else {
            continue;
        };
        if at >= measure {
            problems
                .at(
                    &place.at,
                    "F0604",
                    format!(
                        "the burst begins {} into a measure phase of {}",
                        say_duration(at),
                        say_duration(measure)
                    ),
                )
                .label("never happens")
                .help("`at` counts from the start of the measure phase");
        } else if at.saturating_add(length) > measure {
            problems
                .at(
                    &place.length,
                    "F0604",
                    format!(
                        "the burst ends after the measure phase of {}",
                        say_duration(measure)
                    ),
                )
                .label("cut off")
                .help(format!(
                    "at most {} are left after `at`",
                    say_duration(measure.saturating_sub(at))
                ));
        }
    }
}

fn one_fault(
    experiment: &Experiment,
    fault: &Fault,
    place: &FaultPlaces,
    drain_place: &Place,
    problems: &mut Problems,
) {
    let (phases, end) = (experiment.phases, fault.at.saturating_add(fault.length));
    if fault.at >= phases.measure {
        problems
            .at(
                &place.at,
                "F0601",
                format!(
                    "`{}` begins {} into a measure phase of {}",
                    fault.name,
                    say_duration(fault.at),
                    say_duration(phases.measure)
                ),
            )
            .label("outside of the measure phase")
            .help("`at` counts from the start of the measure phase");
    } else if end > phases.measure {
        problems
            .at(
                &place.length,
                "F0601",
                format!(
                    "`{}` ends after the measure phase of {}",
                    fault.name,
                    say_duration(phases.measure)
                ),
            )
            .label("outside of the measure phase")
            .help(format!(
                "at most {} are left after `at`",
                say_duration(phases.measure.saturating_sub(fault.at))
            ));
    } else {
        let (wait, key) = redelivery(experiment, fault);
        let left = phases.measure.saturating_sub(end).saturating_add(phases.drain);
        if left < wait {
            problems
                .at(drain_place, "F0603", format!("{} after `{}` the trial is over", say_duration(left), fault.name))
                .label("too short")
                .help(format!(
                    "what was in flight comes back only after `{key}` ({}) and would count as lost: drain longer, end the fault earlier, or lower `{key}`",
                    say_duration(wait)
                ));
        }
    }
    if fault.length > experiment.safety.max_fault {
        problems
            .at(
                &place.length,
                "F0901",
                format!(
                    "`{}` lasts longer than {}",
                    fault.name,
                    say_duration(experiment.safety.max_fault)
                ),
            )
            .label("not allowed")
            .help("shorten it, or raise `max_fault` in [safety]");
    }
    if experiment.platform.protocol == Protocol::None
        && matches!(fault.role, FaultType::Leader | FaultType::Follower)
    {
        problems
            .at(
                &place.role,
                "F0701",
                format!("there is no {} with `protocol = \"none\"`", role_name(fault.role)),
            )
            .label("nobody has this role")
            .help("choose `protocol = \"collect\"` in [platform], or `role = \"worker\"`");
    }
}

/// How long work that a fault interrupts can stay hidden before somebody takes it up again.
fn redelivery(experiment: &Experiment, fault: &Fault) -> (Duration, &'static str) {
    match fault.role {
        FaultType::ControlPlane => (experiment.platform.timing.visibility, "visibility"),
        FaultType::Worker | FaultType::Leader | FaultType::Follower => {
            (experiment.platform.timing.task_timeout, "task-timeout")
        }
    }
}

fn overlaps(experiment: &Experiment, places: &Places, problems: &mut Problems) {
    for (index, (fault, place)) in experiment.faults.iter().zip(&places.faults).enumerate() {
        let end = |fault: &Fault| fault.at.saturating_add(fault.length);
        let same = |other: &&Fault| {
            let operations =
                fault.operation.is_none() || other.operation.is_none() || fault.operation == other.operation;
            other.role == fault.role && operations && other.at < end(fault) && fault.at < end(other)
        };
        if let Some(other) = experiment.faults[..index].iter().find(same) {
            problems
                .at(
                    &place.at,
                    "F0602",
                    format!(
                        "`{}` overlaps `{}`, which also hits a {}",
                        fault.name,
                        other.name,
                        role_name(fault.role)
                    ),
                )
                .label("their effects could not be told apart")
                .help(format!(
                    "begin at {} or later, or give each an `operation` of its own",
                    say_duration(end(other))
                ));
        }
    }
}

fn amount(experiment: &Experiment, places: &Places, problems: &mut Problems) {
    let phases = experiment.phases;
    let of = |pattern: &Pattern| pattern.expected_requests(phases.warmup, phases.measure);
    let total = experiment
        .loads
        .iter()
        .fold(0_u64, |sum, load| sum.saturating_add(of(&load.pattern)));
    if total > MAX_SHOTS {
        let largest = experiment
            .loads
            .iter()
            .zip(&places.loads)
            .max_by_key(|(load, _)| of(&load.pattern));
        let place = largest.map_or_else(Place::top, |(_, place)| place.name.clone());
        problems
            .at(&place, "F0605", format!("a trial would have {total} requests"))
            .label("most of them are from here")
            .help(format!(
                "at most {MAX_SHOTS}: lower the rate or shorten `measure`"
            ));
    }
}

fn statistics(experiment: &Experiment, places: &Places, problems: &mut Problems) {
    if experiment.compare.is_some() && experiment.trials < FEWEST_TRIALS {
        problems
            .at(
                &places.trials,
                "F0801",
                format!("{} trials cannot tell arms apart", experiment.trials),
            )
            .label("too few")
            .help(format!(
                "a 95 % interval needs at least {FEWEST_TRIALS}: write `trials = 10`"
            ));
    }
    if experiment
        .loads
        .iter()
        .any(|load| matches!(load.pattern, Pattern::Closed { .. }))
    {
        return;
    }
    let requests: u64 = experiment
        .loads
        .iter()
        .map(|load| {
            load.pattern
                .expected_requests(Duration::ZERO, experiment.phases.measure)
        })
        .fold(0, u64::saturating_add);
    for (expectation, place) in experiment.expectations.iter().zip(&places.expectations) {
        for metric in expectation.metrics() {
            let Function::Percentile(hundredths) = metric.function else {
                continue;
            };
            let needed = 10_000_u64.div_ceil(10_000 - u64::from(hundredths).min(9_999));
            if metric.is_per_request() && requests < needed {
                problems
                    .at(place, "F0802", format!("{metric} of {requests} requests is only their maximum"))
                    .label("too few requests")
                    .help(format!("it needs {needed} requests in the measure phase; raise the rate or ask for a lower percentile"));
            }
        }
    }
}
