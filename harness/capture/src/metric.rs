//! Metrics by name, as expectations ask for them.

use hdrhistogram::Histogram;
use tally_model::Operation as Layer;

use crate::summary::{Quantiles, Summary, WindowSummary};

impl Summary {
    /// The window of that name; an empty name is `always`.
    pub fn window(&self, name: &str) -> Option<&WindowSummary> {
        let name = if name.is_empty() { "always" } else { name };
        self.windows.iter().find(|window| window.name == name)
    }

    /// One number. None if there is no such metric, function, label or window, or nothing was measured: never a made-up 0.
    ///
    /// - `latency`, `service`, `lag`, `first_byte`, `queue_wait`, `dag_wait`, `critical_path`, and of the tasks of one layer over the
    ///   whole trial `queue_wait`, `compute` (label: `add`, `sub`, `mul`, `div`), in nanoseconds, with function `p50`, `p75`, `p90`, `p95`, `p99`, `p99.9`, `p99.99`, `median`, `avg`, `min`, `max`,
    ///   `count`;
    /// - the names of [`crate::Counts`] with function none (empty) or `count`, or `rate` for the share of the requests offered;
    /// - `success_rate` (answered of sent) and `goodput` (answered per second) without a function;
    /// - `view_changes` without a function;
    /// - `time_to_detect`, `time_to_recover`, `answer_gap` in nanoseconds (label: the fault; without one, all of them) with function none
    ///   (the longest) or any of the above but `count`, and any other percentile.
    pub fn metric(&self, function: &str, name: &str, label: &str, window: &str) -> Option<f64> {
        self.metric_in(self.window(window)?, function, name, label)
    }

    /// The same of a window that need not be one of its own.
    pub fn metric_in(&self, window: &WindowSummary, function: &str, name: &str, label: &str) -> Option<f64> {
        if let Some(count) = window.counts.get(name) {
            return match function {
                "" | "count" => Some(count as f64),
                "rate" => (window.counts.offered > 0).then(|| count as f64 / window.counts.offered as f64),
                _ => None,
            };
        }
        match name {
            "latency" => quantile(&window.latency, function),
            "service" => quantile(&window.service, function),
            "lag" => quantile(&window.lag, function),
            "first_byte" => quantile(&window.first_byte, function),
            "queue_wait" if label.is_empty() => quantile(&window.queue_wait, function),
            "dag_wait" => quantile(&window.dag_wait, function),
            "critical_path" => quantile(&window.critical_path, function),
            "queue_wait" | "compute" => self.layer(name, function, label),
            "success_rate" if function.is_empty() => window.counts.success_rate(),
            "goodput" if function.is_empty() && window.length > 0 => {
                Some(window.counts.answered as f64 * 1e9 / window.length as f64)
            }
            "view_changes" if function.is_empty() => Some(window.view_changes as f64),
            "time_to_detect" | "time_to_recover" | "answer_gap" => self.fault_time(function, name, label),
            _ => None,
        }
    }

    fn layer(&self, name: &str, function: &str, label: &str) -> Option<f64> {
        let layer = Layer::from_name(label)?;
        let times = self.layers.iter().find(|times| times.operation == layer)?;
        quantile(
            if name == "compute" {
                &times.compute
            } else {
                &times.queue_wait
            },
            function,
        )
    }

    /// A fault without the time makes the longest unknown, not shorter; and so every other function of all of them.
    fn fault_time(&self, function: &str, name: &str, label: &str) -> Option<f64> {
        let chosen = self
            .faults
            .iter()
            .filter(|fault| label.is_empty() || fault.name == label);
        let times = chosen.map(|fault| match name {
            "time_to_detect" => fault.time_to_detect,
            "answer_gap" => fault.answer_gap,
            _ => fault.time_to_recover,
        });
        let known: Option<Vec<u64>> = times.collect();
        let function = if function.is_empty() { "max" } else { function };
        of_values(known?, function)
    }
}

/// The share of values that are at most the one asked for: 0.995 of `p99.5`, 0.5 of `median`. None for what is no percentile.
fn share(function: &str) -> Option<f64> {
    if function == "median" {
        return Some(0.5);
    }
    let digits = function.strip_prefix('p')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let hundredths: u32 = format!("{whole}{fraction:0<2}").parse().ok()?;
    (hundredths <= 10_000).then(|| f64::from(hundredths) / 10_000.0)
}

/// Any function of the values in a histogram; none but `count` of an empty one.
pub(crate) fn of_histogram(values: &Histogram<u64>, function: &str) -> Option<f64> {
    if function == "count" {
        return Some(values.len() as f64);
    }
    if values.is_empty() {
        return None;
    }
    Some(match function {
        "avg" => values.mean(),
        "min" => values.min() as f64,
        "max" => values.max() as f64,
        _ => values.value_at_quantile(share(function)?) as f64,
    })
}

/// The same of values that are few enough to be sorted, exact; percentiles are by nearest rank.
pub(crate) fn of_values(mut values: Vec<u64>, function: &str) -> Option<f64> {
    values.sort_unstable();
    let count = values.len();
    if function == "count" {
        return Some(count as f64);
    }
    let (first, last) = (*values.first()?, *values.last()?);
    Some(match function {
        "avg" => values.iter().map(|value| *value as f64).sum::<f64>() / count as f64,
        "min" => first as f64,
        "max" => last as f64,
        _ => {
            let rank = (share(function)? * count as f64).ceil() as usize;
            *values.get(rank.saturating_sub(1))? as f64
        }
    })
}

fn quantile(quantiles: &Quantiles, function: &str) -> Option<f64> {
    if function == "count" {
        return Some(quantiles.count as f64);
    }
    if quantiles.count == 0 {
        return None;
    }
    Some(match function {
        "avg" => quantiles.mean,
        "min" => quantiles.min as f64,
        "max" => quantiles.max as f64,
        "p50" | "median" => quantiles.p50 as f64,
        "p75" => quantiles.p75 as f64,
        "p90" => quantiles.p90 as f64,
        "p95" => quantiles.p95 as f64,
        "p99" => quantiles.p99 as f64,
        "p99.9" => quantiles.p999 as f64,
        "p99.99" => quantiles.p9999 as f64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every percentile that an expectation can name is one: between the seven that are stored as well.
    #[test]
    fn every_percentile_can_be_asked_for() {
        let mut histogram = crate::summary::histogram();
        for value in 1..=1000 {
            histogram.saturating_record(value);
        }
        let values: Vec<u64> = (1..=1000).rev().collect();
        for (function, expected) in [
            ("p50", 500.0),
            ("median", 500.0),
            ("p80", 800.0),
            ("p98", 980.0),
            ("p99.5", 995.0),
            ("p99.9", 999.0),
            ("p99.99", 1000.0),
            ("min", 1.0),
            ("max", 1000.0),
            ("avg", 500.5),
            ("count", 1000.0),
        ] {
            assert_eq!(of_histogram(&histogram, function), Some(expected), "{function}");
            assert_eq!(of_values(values.clone(), function), Some(expected), "{function}");
        }
        for wrong in ["", "p", "p101", "p9.999", "p9x", "p.5", "sum"] {
            assert_eq!(of_histogram(&histogram, wrong), None, "{wrong}");
            assert_eq!(of_values(values.clone(), wrong), None, "{wrong}");
        }
    }

    /// Of nothing there is no number but 0 of them.
    #[test]
    fn nothing_measured_is_no_number() {
        for function in ["p99", "median", "avg", "min", "max"] {
            assert_eq!(
                of_histogram(&crate::summary::histogram(), function),
                None,
                "{function}"
            );
            assert_eq!(of_values(Vec::new(), function), None, "{function}");
        }
        assert_eq!(of_values(Vec::new(), "count"), Some(0.0));
    }
}
