//! What a person reads: results on standard output, the rest on standard error.

use std::io::Write;

use tally::Exit;

use crate::baseline::Trials;
use crate::bound::{
    Bound, Certified, DURABLE_WRITES, MOST, Primitives, Reach, Shape, path_of_level, reach, work_of_operation,
};
use crate::estimate::{Interval, compare, judge, median, median_interval};
use crate::metric::Metric;
use crate::workload::{EXPRESSION, Workload};

/// Seed of every interval, so that what is printed can be computed again.
const SEED: u64 = 1;

/// A line of the result.
pub(crate) fn line(text: &str) {
    // A closed pipe is the reader's choice.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A remark.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// As many digits as say something.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn triple(interval: Interval, unit: &str) -> String {
    format!(
        "[{} {} {}] {unit}",
        number(interval.low),
        number(interval.estimate),
        number(interval.high)
    )
}

/// The medians of the trials and their intervals, in criterion's brackets.
pub(crate) fn results(workload: &Workload, trials: &Trials) {
    line(&format!("{}: {}", workload.name, workload.about));
    for metric in Metric::ALL {
        let values = trials.of(metric);
        if values.is_empty() || values.iter().all(|value| *value == 0.0) {
            continue;
        }
        line(&format!(
            "  {:<28} {}",
            metric.title(),
            triple(median_interval(values, SEED), metric.unit())
        ));
    }
    if let Some(target) = workload.target {
        let reached = median(trials.of(workload.main)) >= target;
        let word = if reached { "reached" } else { "missed" };
        line(&format!(
            "  target                       >= {target} {}: {word}",
            workload.main.unit()
        ));
    }
}

/// Compares with earlier trials, and tells what that comes to.
pub(crate) fn comparison(workload: &Workload, name: &str, old: &Trials, new: &Trials, noise: f64) -> Exit {
    let [main, processor] = [workload.main, Metric::Cpu].map(|metric| {
        let (ratio, change) = compare(old.of(metric), new.of(metric), metric.good(), noise, SEED);
        let shown = ratio.map_or_else(String::new, |ratio| {
            let percent = |value: f64| format!("{:+.1} %", (value - 1.0) * 100.0);
            format!(
                "[{} {} {}] ",
                percent(ratio.low),
                percent(ratio.estimate),
                percent(ratio.high)
            )
        });
        line(&format!(
            "  {:<28} {shown}against `{name}`: {}",
            metric.title(),
            change.sentence()
        ));
        change
    });
    judge(main, &[processor])
}

/// The lower bound, what it was made of, and how far the measured median is from it.
pub(crate) fn bound(pace: &str, shape: Shape, certified: Certified, primitives: &Primitives, p50: f64) {
    let micros = |nanos: f64| format!("{:>9.1} us", nanos / 1e3);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u32;
    let (path, work) = (path_of_level(certified), work_of_operation(certified));
    let bound = Bound::of(shape, certified, primitives, cores);
    let (k, d) = (shape.operations, shape.levels);
    line(&format!(
        "  lower bound of {EXPRESSION}, k = {k} operations, d = {d} levels, primitives {pace}, the quickest medians between the trials:"
    ));
    for (name, value) in [
        ("loopback TCP round trip (rtt)", primitives.round_trip),
        ("GET /healthz (http)", primitives.http),
        ("Ed25519 signature (sign)", primitives.sign),
        ("Ed25519 verification (verify)", primitives.verify),
        ("page and fdatasync (durable)", primitives.durable),
        ("one put of the store, not in it", primitives.put),
    ] {
        line(&format!("    {name:<32} {}", micros(value)));
    }
    line(&format!(
        "    path = http + {} durable + {d} ({} rtt/2 + {} sign + {} verify) = {}",
        DURABLE_WRITES,
        path.hops,
        path.signs,
        path.verifies,
        micros(bound.path).trim()
    ));
    line(&format!(
        "    work = (http + {k} ({} rtt/2 + {} sign + {} verify)) / {cores} cores = {}",
        work.hops,
        work.signs,
        work.verifies,
        micros(bound.work).trim()
    ));
    let ratio = p50 * 1e6 / bound.nanos();
    let word = match reach(ratio) {
        Reach::Reached => "reached",
        Reach::Missed => "missed",
        Reach::Disturbed => "nothing to compare with, something else slowed the primitives down",
    };
    line(&format!(
        "    bound = {}; p50 / bound = {ratio:.2}; target <= {MOST}: {word}",
        micros(bound.nanos()).trim()
    ));
}
