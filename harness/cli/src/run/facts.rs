//! Expectations against the record of a trial, finished or not: which numbers they are about.

use tally_capture::{Analysis, Summary, Window, WindowSummary};
use tally_check::CheckReport;
use tally_plan::{Expectation, Experiment, Function, Metric, MetricRef, Plan, When};

use super::judge::Judged;

/// Everything known about a trial.
pub(super) struct Facts<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) summary: &'a Summary,
    /// What the checker found; none if nobody asks for it.
    pub(super) check: Option<&'a CheckReport>,
    /// The trial goes on: what is only known at its end has no data.
    pub(super) so_far: bool,
}

/// The measure phase of a plan.
pub(super) fn measure(plan: &Plan) -> Window {
    Window {
        from: plan.measure_start(),
        to: plan.measure_end(),
    }
}

impl Facts<'_> {
    /// Every expectation of the experiment.
    pub(super) fn judge(&self, experiment: &Experiment, plan: &Plan) -> Vec<Judged> {
        let expectations = experiment.expectations.iter();
        expectations.map(|one| self.judge_one(one, plan)).collect()
    }

    /// One of them.
    pub(super) fn judge_one(&self, expectation: &Expectation, plan: &Plan) -> Judged {
        let window = self.window(&expectation.when, plan);
        let verdict = expectation.evaluate(&|metric| self.lookup(metric, &expectation.when, &window));
        Judged {
            that: expectation.that.clone(),
            when: expectation.when.to_string(),
            held: verdict.held,
            shown: verdict.shown,
        }
    }

    fn window(&self, when: &When, plan: &Plan) -> WindowSummary {
        if *when == When::Always {
            return self.analysis.window("whole".into(), vec![Window::ALWAYS]);
        }
        let name = match when {
            When::Measure | When::Always => "always".to_owned(),
            other => other.to_string(),
        };
        // Before a fault at the very beginning of the measure phase there is the warm-up.
        let first = plan.faults.iter().map(|fault| fault.start).min();
        let warm = *when == When::Before && first.is_some_and(|first| first <= plan.measure_start());
        match self.summary.window(&name).filter(|_| !warm) {
            Some(window) => window.clone(),
            None => {
                let spans = plan.windows(when);
                let spans = spans
                    .into_iter()
                    .map(|w| Window {
                        from: w.start,
                        to: w.end,
                    })
                    .collect();
                self.analysis.window(name, spans)
            }
        }
    }

    /// A metric in the units of expectations: seconds, bytes, shares, counts.
    fn lookup(&self, metric: &MetricRef, when: &When, window: &WindowSummary) -> Option<f64> {
        let function = function_name(metric.function);
        let what = match metric.sample {
            tally_plan::Sample::One(what) => what,
            tally_plan::Sample::Ratio(over, under) => {
                return self
                    .analysis
                    .ratio(&function, over.name(), under.name(), &window.spans);
            }
        };
        if self.so_far && is_of_the_end(what) {
            return None;
        }
        if what.is_safety() {
            let count = self.check?.count(what.name())?;
            return share_or_count(metric.function, count, window.counts.offered);
        }
        let seconds = |nanos: f64| nanos / 1e9;
        match what {
            Metric::Latency | Metric::QueueWait | Metric::DagWait | Metric::CriticalPath => {
                let time = self.analysis.time(&function, what.name(), &window.spans);
                time.map(seconds)
            }
            Metric::SendLag => self.analysis.time(&function, "lag", &window.spans).map(seconds),
            Metric::Rss => self.analysis.memory(&function, &window.spans),
            Metric::TimeToDetect | Metric::TimeToRecover | Metric::AnswerGap => {
                let fault = faults_in(when)?;
                let time = self.summary.metric_in(window, &function, what.name(), fault);
                time.map(seconds)
            }
            other => self.summary.metric_in(window, &function, other.name(), ""),
        }
    }
}

/// Whose times are asked for: those of one fault, or (empty) of all; none where there is no fault.
fn faults_in(when: &When) -> Option<&str> {
    match when {
        When::During(name) | When::After(name) => Some(name.as_deref().unwrap_or_default()),
        When::Measure | When::Always => Some(""),
        When::Before | When::Steady => None,
    }
}

/// Requests without an answer may still get one, and what the platform observed is collected when it is over.
const fn is_of_the_end(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Lost | Metric::Timeout | Metric::Unexpected | Metric::ViewChanges
    )
}

fn share_or_count(function: Function, count: u64, offered: u64) -> Option<f64> {
    match function {
        Function::Rate => (offered > 0).then(|| count as f64 / offered as f64),
        _ => Some(count as f64),
    }
}

/// As `tally_capture` names it.
fn function_name(function: Function) -> String {
    match function {
        Function::Value => String::new(),
        Function::Percentile(hundredths) => percentile(hundredths),
        Function::Avg => "avg".into(),
        Function::Min => "min".into(),
        Function::Max => "max".into(),
        Function::Median => "median".into(),
        Function::Rate => "rate".into(),
        Function::Count => "count".into(),
    }
}

fn percentile(hundredths: u16) -> String {
    match hundredths % 100 {
        0 => format!("p{}", hundredths / 100),
        rest if rest % 10 == 0 => format!("p{}.{}", hundredths / 100, rest / 10),
        rest => format!("p{}.{rest:02}", hundredths / 100),
    }
}

#[cfg(test)]
mod tests;
