//! Names of metrics and functions, and which of them go together.

use tally_model::{Diagnostic, Span};

use crate::diagnose::{did_you_mean, one_of};
use crate::expectation::metric::Form;
use crate::{Function, LATER_METRICS, Metric, MetricRef, Sample, Term};

type Parsed<T> = Result<T, Diagnostic>;

const FUNCTIONS: [&str; 10] = [
    "p50", "p90", "p95", "p99", "avg", "min", "max", "median", "rate", "count",
];

/// A name without parentheses: a counter, a share, or the slowest of the faults.
pub(crate) fn bare(name: &str, span: Span) -> Parsed<Term> {
    let metric = metric(name, span)?;
    let function = match metric.form() {
        Form::Share | Form::Counter => Function::Value,
        Form::Times { per_request: false } => Function::Max,
        Form::Times { per_request: true } | Form::Bytes => {
            return Err(Diagnostic::new("F0502", format!("`{name}` has many values"))
                .at(span)
                .label("which of them?")
                .help(format!(
                    "write `p99({name})`, `median({name})`, `avg({name})` or `max({name})`"
                )));
        }
    };
    Ok(Term::Metric(MetricRef {
        function,
        sample: Sample::One(metric),
    }))
}

pub(crate) fn metric(name: &str, span: Span) -> Parsed<Metric> {
    if let Some(metric) = Metric::from_name(name) {
        return Ok(metric);
    }
    if let Some((_, part)) = LATER_METRICS.iter().find(|(later, _)| *later == name) {
        return Err(Diagnostic::new("F0506", format!("`{name}` is not measured yet"))
            .at(span)
            .label("planned")
            .help(format!("it comes with {part}")));
    }
    let names = Metric::ALL.iter().map(|metric| metric.name());
    let help = match did_you_mean(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`? `tally explain {near}` shows what it measures"),
        None => one_of(name, names),
    };
    Err(Diagnostic::new("F0503", format!("unknown metric `{name}`"))
        .at(span)
        .label("no such metric")
        .help(help))
}

pub(crate) fn function(name: &str, span: Span) -> Parsed<Function> {
    let function = match name {
        "avg" => Function::Avg,
        "min" => Function::Min,
        "max" => Function::Max,
        "median" => Function::Median,
        "rate" => Function::Rate,
        "count" => Function::Count,
        _ => return percentile(name, span),
    };
    Ok(function)
}

/// `p50` to `p99.99`.
fn percentile(name: &str, span: Span) -> Parsed<Function> {
    let digits = name
        .strip_prefix('p')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let Some(digits) = digits else {
        return Err(Diagnostic::new("F0509", format!("unknown function `{name}`"))
            .at(span)
            .label("no such function")
            .help(one_of(name, FUNCTIONS)));
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric =
        digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && fraction.len() <= 2 && whole.len() <= 3;
    let hundredths = format!("{whole}{fraction:0<2}").parse::<u32>().ok();
    match hundredths.filter(|value| numeric && (5_000..=9_999).contains(value)) {
        Some(value) => Ok(Function::Percentile(value as u16)),
        None => Err(Diagnostic::new(
            "F0505",
            format!("`{name}` is not a percentile that can be asked for"),
        )
        .at(span)
        .label("out of range")
        .help("percentiles are p50 to p99.99; for the ends write `min` and `max`")),
    }
}

/// Whether a function can be taken of a sample.
pub(crate) fn fits(metric: MetricRef, span: Span) -> Parsed<()> {
    let wrong = |message: String, help: String| {
        Err(Diagnostic::new("F0502", message)
            .at(span)
            .label("does not go together")
            .help(help))
    };
    match (metric.function, metric.sample) {
        (Function::Rate | Function::Count, Sample::One(inner)) if inner.form() != Form::Counter => {
            let text = format!("`{metric}` would count something that is not a counter");
            wrong(text, "write a counter such as `rate(refused)`".to_owned())
        }
        (Function::Rate | Function::Count, Sample::Ratio(..)) => wrong(
            format!("`{metric}` has no meaning"),
            "write `rate(a) / rate(b)`".to_owned(),
        ),
        (Function::Rate | Function::Count | Function::Value, _) => Ok(()),
        (_, Sample::One(inner)) if matches!(inner.form(), Form::Share | Form::Counter) => {
            let name = inner.name();
            wrong(
                format!("`{name}` is one number"),
                format!("write `{name}` without a function"),
            )
        }
        (_, Sample::One(_)) => Ok(()),
        (_, Sample::Ratio(left, right)) => {
            let per_request = |metric: Metric| matches!(metric.form(), Form::Times { per_request: true });
            if left.is_of_tasks() && right.is_of_tasks() {
                return Ok(());
            }
            if per_request(left) && per_request(right) {
                let text = format!("`{metric}` is not measured yet");
                return Err(Diagnostic::new("F0506", text)
                    .at(span)
                    .label("request by request, only times of tasks are divided")
                    .help(format!(
                        "write `p95(dag_wait / critical_path)`, or divide the results: `p95({}) / p95({})`",
                        left.name(),
                        right.name()
                    )));
            }
            let text = "only two times of the same request can be divided here".to_owned();
            wrong(
                text,
                "write `p95(dag_wait / critical_path)`, or divide the results: `rss / 4`".to_owned(),
            )
        }
    }
}
