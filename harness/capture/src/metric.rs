//! Metrics by name, as expectations ask for them.

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
    /// - `time_to_detect`, `time_to_recover`, `answer_gap` in nanoseconds (label: the fault; without one, the longest of all).
    pub fn metric(&self, function: &str, name: &str, label: &str, window: &str) -> Option<f64> {
        let window = self.window(window)?;
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
            "time_to_detect" | "time_to_recover" | "answer_gap" => self.fault_time(name, label),
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

    /// A fault without the time makes the longest unknown, not shorter.
    fn fault_time(&self, name: &str, label: &str) -> Option<f64> {
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
        known?.into_iter().max().map(|nanos| nanos as f64)
    }
}

pub(crate) fn quantile(quantiles: &Quantiles, function: &str) -> Option<f64> {
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
