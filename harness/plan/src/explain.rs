//! An experiment in words: what would happen, when, and what could spoil it.

use std::fmt::Write as _;
use std::time::Duration;

use tally_model::{Dispatch, Operation, PlatformConfig, Protocol, Scaler, WorkKind};
use tally_workloads::{Pattern, Shape};

use crate::units::{say_duration, say_number};
use crate::{Experiment, MAX_CLOSED, Phases, Plan, When, role_name};

/// Bytes on disk per request, compressed; the budget of the run directory.
const BYTES_PER_REQUEST: u64 = 120;

/// A timeline in words: requests, time, faults, expectations, what would make it inconclusive, and the plan's hash.
pub fn explain(experiment: &Experiment) -> String {
    let plan = Plan::expand(experiment);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(experiment, &plan, &mut out);
    out
}

fn write(experiment: &Experiment, plan: &Plan, out: &mut String) -> std::fmt::Result {
    let phases = experiment.phases;
    writeln!(out, "{}: {}", experiment.name, experiment.title)?;
    writeln!(out, "seed {}, plan {}", experiment.seed, plan.hash())?;
    let total = phases.total().saturating_mul(experiment.trials);
    let trials = if experiment.trials == 1 {
        "1 trial".to_owned()
    } else {
        format!("{} trials", experiment.trials)
    };
    writeln!(
        out,
        "{trials}, {} in all, without starting and stopping the platform",
        say_duration(total)
    )?;
    if experiment.trials < 6 {
        writeln!(out, "(fewer than 6 trials give values without intervals)")?;
    }
    writeln!(out, "\nPlatform\n  {}", platform(&experiment.platform))?;
    timeline(experiment, plan, out)?;
    writeln!(out, "\nRequests of one trial")?;
    for (load, planned) in experiment.loads.iter().zip(&plan.loads) {
        let count = match load.pattern {
            Pattern::Closed { .. } => format!("as many as are answered, at most {MAX_CLOSED}"),
            _ => format!("{} requests", planned.requests),
        };
        writeln!(
            out,
            "  {}: {count}, {}; {}",
            load.name,
            pattern(&load.pattern),
            shape(&load.shape)
        )?;
    }
    let bytes = plan.shots.len() as u64 * BYTES_PER_REQUEST * u64::from(experiment.trials);
    writeln!(
        out,
        "  {} in all, about {} KiB of history on disk",
        plan.shots.len(),
        bytes.div_ceil(1_024)
    )?;
    writeln!(out, "\nExpected")?;
    for expectation in &experiment.expectations {
        let abort = match (expectation.abort, expectation.grace) {
            (false, _) => String::new(),
            (true, Duration::ZERO) => "; stops the trial at once if not".to_owned(),
            (true, grace) => format!("; stops the trial if not for {}", say_duration(grace)),
        };
        let breaks = expectation.when == When::Before && !plan.faults.is_empty();
        let before = if breaks {
            "; nothing is injected and the trial ends with exit code 6 if not"
        } else {
            ""
        };
        writeln!(
            out,
            "  {} ({}){before}{abort}",
            expectation.that, expectation.when
        )?;
    }
    if experiment.expectations.is_empty() {
        writeln!(out, "  nothing: the run measures and cannot fail")?;
    }
    writeln!(out, "\nWould make it inconclusive")?;
    for reason in spoilers(experiment, plan) {
        writeln!(out, "  - {reason}")?;
    }
    Ok(())
}

fn platform(config: &PlatformConfig) -> String {
    let replicas = match config.protocol {
        Protocol::None => "no replicas".to_owned(),
        protocol => format!(
            "{} replicas per set ({protocol}), {} may fail",
            config.replicas,
            config.faulty()
        ),
    };
    let scaler = match config.scaler {
        Scaler::Fixed(count) => format!("{count} sets per operation"),
        Scaler::Threshold => format!(
            "{} to {} sets per operation, one more above {} waiting tasks",
            config.bounds.min, config.bounds.max, config.threshold
        ),
        Scaler::ThresholdReport => format!(
            "up to {} sets per operation, by the report's rule above {}",
            config.bounds.max, config.threshold
        ),
        policy => format!(
            "{} to {} sets per operation, by `{policy}`",
            config.bounds.min, config.bounds.max
        ),
    };
    let work = Operation::ALL.map(|operation| match config.work_of(operation) {
        Some(work) => format!(
            "{operation} {} {} {}{}",
            say_duration(work.mean),
            work.distribution,
            work.kind,
            match (work.kind, work.processor) {
                (WorkKind::Spin, _) | (WorkKind::Delay, 0) => String::new(),
                (WorkKind::Delay, percent) => format!(" ({percent} % of it burnt)"),
            }
        ),
        None => format!("{operation} none"),
    });
    let dispatch = match config.dispatch {
        Dispatch::Event => "",
        Dispatch::Report => "dispatched by the report's polling; ",
        Dispatch::Whole => "each expression whole, by one worker; ",
    };
    format!(
        "{replicas}; {scaler}; {dispatch}service time: {}",
        work.join(", ")
    )
}

fn timeline(experiment: &Experiment, plan: &Plan, out: &mut String) -> std::fmt::Result {
    let Phases {
        warmup,
        measure,
        drain,
    } = experiment.phases;
    let mut lines: Vec<(Duration, String)> = Vec::new();
    if !warmup.is_zero() {
        lines.push((
            Duration::ZERO,
            format!("warm-up for {}: load, not measured", say_duration(warmup)),
        ));
    }
    lines.push((warmup, format!("measure for {}", say_duration(measure))));
    for load in &experiment.loads {
        if let Pattern::Burst {
            base,
            peak,
            at,
            length,
        } = load.pattern
        {
            let start = warmup.saturating_add(at);
            lines.push((start, format!("{} jumps from {base} to {peak}", load.name)));
            lines.push((
                start.saturating_add(length),
                format!("{} falls back to {base}", load.name),
            ));
        }
    }
    for fault in &plan.faults {
        let whom = match (fault.role, fault.operation) {
            (tally_model::FaultType::ControlPlane, _) => match &fault.part {
                Some(part) => format!("the {part}"),
                None => "the control plane".to_owned(),
            },
            (role, Some(operation)) => format!("{} {} of {operation}", fault.pick.name(), role_name(role)),
            (role, None) => format!("{} {}", fault.pick.name(), role_name(role)),
        };
        let kind = fault.kind.name();
        lines.push((
            Duration::from_nanos(fault.start),
            format!("{}: {kind} {whom}", fault.name),
        ));
        lines.push((Duration::from_nanos(fault.end), format!("{}: over", fault.name)));
    }
    let stop = warmup.saturating_add(measure);
    lines.push((
        stop,
        format!(
            "drain for {}: no new requests, answers come in",
            say_duration(drain)
        ),
    ));
    lines.push((experiment.phases.total(), "end".to_owned()));
    lines.sort_by_key(|(at, _)| *at);
    writeln!(out, "\nTimeline of one trial")?;
    for (at, line) in lines {
        writeln!(
            out,
            "  {:>8}  {line}",
            format!("{}s", say_number(at.as_secs_f64()))
        )?;
    }
    Ok(())
}

fn pattern(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Constant { rate } => format!("evenly {rate}"),
        Pattern::Poisson { rate } => format!("at random, {rate} on average"),
        Pattern::Ramp { from, to } => format!("rising or falling from {from} to {to}"),
        Pattern::Burst {
            base, peak, length, ..
        } => format!("{base} with {peak} for {}", say_duration(*length)),
        Pattern::Step { from, to, at } => {
            format!("at random, {from} on average, {to} from {} on", say_duration(*at))
        }
        Pattern::Hill { base, peak } => format!("at random, a hill from {base} up to {peak}"),
        Pattern::Square { base, peak, period } => {
            format!(
                "at random, {base} and {peak} in turn, {} for both",
                say_duration(*period)
            )
        }
        Pattern::Mmpp {
            base,
            peak,
            calm,
            storm,
        } => format!(
            "at random, {base} for {} and {peak} for {} on average",
            say_duration(*calm),
            say_duration(*storm)
        ),
        Pattern::Trace { counts, bucket } => {
            format!(
                "a trace of {} stretches of {}",
                counts.len(),
                say_duration(*bucket)
            )
        }
        Pattern::Closed { users, think } => format!("{users} users that think for {}", say_duration(*think)),
    }
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Flat { .. } => "one operation each".to_owned(),
        Shape::Tree {
            depth,
            fanout,
            dependent,
            ..
        } => {
            format!(
                "trees of depth {depth} and fanout {fanout}, {} % dependent",
                f64::from(*dependent) / 10_000.0
            )
        }
        Shape::Chained { length, .. } => format!("chains of {length} operations"),
        Shape::Mixed { parts } => format!("a mix of {} shapes", parts.len()),
        Shape::Fixed { list } => format!("drawn from a list of {}", list.len()),
    }
}

fn spoilers(experiment: &Experiment, plan: &Plan) -> Vec<String> {
    let mut reasons = vec![
        "the generator is late: its p99.9 above 5 ms and above a tenth of the measured p99".to_owned(),
        "a metric of an expectation has no data".to_owned(),
    ];
    for fault in &plan.faults {
        reasons.push(format!(
            "`{}` cannot be shown to have taken effect, or to be healed",
            fault.name
        ));
    }
    for load in &plan.closed {
        reasons.push(format!(
            "`{}` has no more requests before the measure phase ends: {MAX_CLOSED} are the most of a closed load",
            load.name
        ));
    }
    for expectation in &experiment.expectations {
        if plan.windows(&expectation.when).is_empty() {
            reasons.push(format!(
                "`{}` is about `{}`, which is empty in this plan",
                expectation.that, expectation.when
            ));
        }
    }
    reasons
}
