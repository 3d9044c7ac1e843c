//! The closed list of what can be expected of a run, with the meaning of each.

use serde::{Deserialize, Serialize};

use crate::Unit;

/// What a metric is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Many values, a time each; needs a function. The flag says whether each value belongs to a request.
    Times { per_request: bool },
    /// A value for every look, in bytes.
    Bytes,
    /// One value, a part of a whole.
    Share,
    /// One value, how many.
    Counter,
}

macro_rules! metrics {
    ($($variant:ident = $name:literal, $form:expr, $help:literal;)+) => {
        /// Something that is measured.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Metric { $(#[doc = $help] #[serde(rename = $name)] $variant),+ }
        impl Metric {
            /// Every metric, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The name used in files.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
            /// What it measures.
            pub const fn help(self) -> &'static str { match self { $(Self::$variant => $help),+ } }
            pub(crate) const fn form(self) -> Form { match self { $(Self::$variant => $form),+ } }
        }
    };
}

const REQUEST: Form = Form::Times { per_request: true };
const FAULT: Form = Form::Times { per_request: false };

metrics! {
    Latency = "latency", REQUEST, "From the instant a request was due to the last byte of its answer, over requests that were answered. Counted from the due time, so a generator or a platform that stands still is not flattered.";
    QueueWait = "queue_wait", REQUEST, "The time tasks lay ready on their layers before a worker took them, summed along the chain of tasks that the answer of a request came from.";
    DagWait = "dag_wait", REQUEST, "The time from the first ready task of a request to its last certified answer: what its tasks waited for each other, for queues and for workers.";
    CriticalPath = "critical_path", REQUEST, "The longest chain of service times (handed to a worker to certified answer) through the tasks of a request: no scheduler could be faster.";
    SendLag = "send_lag", REQUEST, "How much later than due a request was sent: the error of the generator itself.";
    TimeToDetect = "time_to_detect", FAULT, "From a fault's effect to the first fault event about it; bare, the slowest of the faults in the window.";
    TimeToRecover = "time_to_recover", FAULT, "From a fault's effect until the place is filled again and certifies; bare, the slowest of the faults in the window.";
    AnswerGap = "answer_gap", FAULT, "The longest time between two answers in a row while a fault was felt, whoever they were for; bare, that of the worst fault in the window.";
    SuccessRate = "success_rate", Form::Share, "Requests that ended in a value or in an error that the arithmetic decides, over requests sent, 0 to 1.";
    Rss = "rss", Form::Bytes, "Resident memory of the largest process of the platform, looked at five times a second; the looks in the window count. No data where processes cannot be looked at, as in virtual time and on a cluster.";
    Offered = "offered", Form::Counter, "Requests that were due.";
    Late = "late", Form::Counter, "Requests sent more than 5 ms after they were due.";
    Dropped = "dropped", Form::Counter, "Requests the generator could not send at all.";
    Refused = "refused", Form::Counter, "Requests the platform refused at once, with 429 or 503.";
    Accepted = "accepted", Form::Counter, "Requests for which the client received 202.";
    Answered = "answered", Form::Counter, "Requests with an outcome, a value or a named error of the arithmetic.";
    Failed = "failed", Form::Counter, "Requests that ended in an error that is not the arithmetic's.";
    Timeout = "timeout", Form::Counter, "Requests without an answer when the client stopped waiting.";
    Lost = "lost", Form::Counter, "Accepted requests without an outcome at the end of the drain. Must be 0.";
    Duplicated = "duplicated", Form::Counter, "Requests that were answered more than once. Must be 0.";
    Conflicting = "conflicting", Form::Counter, "Requests with two different outcomes. Must be 0.";
    Wrong = "wrong", Form::Counter, "Answers that differ from the reference evaluation. Must be 0.";
    Unexpected = "unexpected", Form::Counter, "Answers to requests that were never sent. Must be 0.";
    Recovered = "recovered", Form::Counter, "Requests whose acceptance was not seen but whose outcome was found by their key.";
    ViewChanges = "view_changes", Form::Counter, "How often replica sets changed their view because a primary was dead, silent or slow; the first view of an epoch does not count.";
    DeadLettered = "dead_lettered", Form::Counter, "Requests given up after the most receives.";
}

/// Metrics with a name and no measurement yet, and what brings them.
pub const LATER_METRICS: &[(&str, &str)] = &[
    (
        "compute",
        "part 3 (full PBFT); until then `critical_path` measures computation and votes together",
    ),
    (
        "vote",
        "part 3 (full PBFT); until then `critical_path` measures computation and votes together",
    ),
    ("queue_depth", "part 4 (autoscaling)"),
    ("inflight", "part 4 (autoscaling)"),
    ("pods", "part 4 (autoscaling)"),
    ("pod_seconds", "part 4 (autoscaling)"),
    ("scale_up_delay", "part 4 (autoscaling)"),
    ("scale_flaps", "part 4 (autoscaling)"),
    ("retries", "part 5 (chaos)"),
    ("cpu", "part 4 (autoscaling)"),
    ("fds", "part 5 (chaos)"),
    ("goodput_lost", "part 5 (chaos)"),
    ("speedup_vs_serial", "part 6 (reports)"),
];

impl Metric {
    /// The reverse of [`Metric::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.name() == name)
    }

    /// True for the counters that are taken over the whole trial, whatever the window.
    pub const fn is_safety(self) -> bool {
        matches!(
            self,
            Self::Lost | Self::Duplicated | Self::Conflicting | Self::Wrong | Self::Unexpected
        )
    }

    /// True for the times that are told from the tasks of a request, so that one can be divided by another of the same request.
    pub(crate) const fn is_of_tasks(self) -> bool {
        matches!(self, Self::QueueWait | Self::DagWait | Self::CriticalPath)
    }

    pub(crate) const fn unit(self) -> Unit {
        match self.form() {
            Form::Times { .. } => Unit::Time,
            Form::Bytes => Unit::Bytes,
            Form::Share => Unit::Share,
            Form::Counter => Unit::Count,
        }
    }
}

/// What a metric means, for `tally explain METRIC`.
pub fn metric_help(name: &str) -> Option<&'static str> {
    Metric::from_name(name).map(Metric::help)
}

/// How many values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// The one value there is: a counter, a share.
    Value,
    /// In hundredths of a percent: p99 is 9,900, p99.99 is 9,999.
    Percentile(u16),
    /// Arithmetic mean.
    Avg,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// p50.
    Median,
    /// A counter over `offered`, 0 to 1.
    Rate,
    /// How many.
    Count,
}

/// What a function is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sample {
    /// A metric.
    One(Metric),
    /// The first metric over the second, request by request.
    Ratio(Metric, Metric),
}

/// A function of a metric: what a run is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MetricRef {
    /// How many values become one.
    pub function: Function,
    /// Of what.
    pub sample: Sample,
}

impl MetricRef {
    /// What it is a number of.
    pub const fn unit(&self) -> Unit {
        match (self.function, self.sample) {
            (Function::Rate, _) => Unit::Share,
            (Function::Count, _) => Unit::Count,
            (_, Sample::Ratio(..)) => Unit::Number,
            (_, Sample::One(metric)) => metric.unit(),
        }
    }

    /// True for the counters that are taken over the whole trial, whatever the window.
    pub const fn is_safety(&self) -> bool {
        matches!(self.sample, Sample::One(metric) if metric.is_safety())
    }

    /// True when there is a value for each fault.
    pub(crate) fn is_per_fault(&self) -> bool {
        matches!(self.sample, Sample::One(metric) if metric.form() == FAULT)
    }

    /// True when there is a value for each request.
    pub(crate) fn is_per_request(&self) -> bool {
        let (Sample::One(metric) | Sample::Ratio(metric, _)) = self.sample;
        metric.form() == REQUEST
    }
}

impl std::fmt::Display for MetricRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sample = match self.sample {
            Sample::One(metric) => metric.name().to_owned(),
            Sample::Ratio(left, right) => format!("{} / {}", left.name(), right.name()),
        };
        let function = match self.function {
            Function::Value => return f.write_str(&sample),
            Function::Percentile(hundredths) if hundredths % 100 == 0 => format!("p{}", hundredths / 100),
            Function::Percentile(hundredths) => {
                let digits = format!("{:02}", hundredths % 100);
                format!("p{}.{}", hundredths / 100, digits.trim_end_matches('0'))
            }
            Function::Avg => "avg".to_owned(),
            Function::Min => "min".to_owned(),
            Function::Max => "max".to_owned(),
            Function::Median => "median".to_owned(),
            Function::Rate => "rate".to_owned(),
            Function::Count => "count".to_owned(),
        };
        write!(f, "{function}({sample})")
    }
}
