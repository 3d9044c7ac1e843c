//! What a trial comes to: counts, latencies, seconds, windows, layers. Serialisable, and the same bytes for the same history.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::phases::LayerTimes;
use crate::reaction::ScaleUp;
use crate::window::Window;

/// Longest duration a histogram tells apart, in nanoseconds: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// An empty histogram of nanoseconds, exact to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, LONGEST, 3)
        .unwrap_or_else(|_| unreachable!("1 < an hour, and 3 digits are valid"));
    histogram.auto(false);
    histogram
}

/// Percentiles of durations in nanoseconds, exact to three digits. All zero if `count` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many durations.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// The mean.
    pub mean: f64,
    /// Half are at most this.
    pub p50: u64,
    /// Three quarters are at most this.
    pub p75: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 95 % are at most this.
    pub p95: u64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// 99.99 % are at most this.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
}

impl Quantiles {
    /// Reads them off a histogram.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |q| histogram.value_at_quantile(q);
        Self {
            count: histogram.len(),
            min: histogram.min(),
            mean: histogram.mean(),
            p50: at(0.50),
            p75: at(0.75),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: histogram.max(),
        }
    }
}

/// What became of the requests that were due in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Due.
    pub offered: u64,
    /// Handed to the kernel.
    pub sent: u64,
    /// Sent more than 5 ms after they were due: the generator's fault.
    pub late: u64,
    /// Never sent: the generator's fault.
    pub dropped: u64,
    /// Sent and certainly refused.
    pub refused: u64,
    /// Known to be accepted.
    pub accepted: u64,
    /// Ended in a value or in an error that the arithmetic decides: what latency is measured over.
    pub answered: u64,
    /// Ended in a failure of the platform: deadline, dead-lettered, no quorum, busy, internal.
    pub failed: u64,
    /// Of those failed, the dead-lettered.
    pub dead_lettered: u64,
    /// Sent, not refused, and without an outcome.
    pub timeout: u64,
    /// Answered although the first attempt was not.
    pub recovered: u64,
}

impl Counts {
    /// The count of that name.
    pub fn get(&self, name: &str) -> Option<u64> {
        Some(match name {
            "offered" => self.offered,
            "sent" => self.sent,
            "late" => self.late,
            "dropped" => self.dropped,
            "refused" => self.refused,
            "accepted" => self.accepted,
            "answered" => self.answered,
            "failed" => self.failed,
            "dead_lettered" => self.dead_lettered,
            "timeout" => self.timeout,
            "recovered" => self.recovered,
            _ => return None,
        })
    }

    /// Answered of sent; none if nothing was sent.
    pub fn success_rate(&self) -> Option<f64> {
        (self.sent > 0).then(|| self.answered as f64 / self.sent as f64)
    }
}

/// One second of a trial; requests count in the second they were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Which, from 0.
    pub second: u64,
    /// Due in it.
    pub offered: u64,
    /// Of those, answered.
    pub answered: u64,
    /// Answers that arrived in it, whenever they were due.
    pub completed: u64,
    /// Of those due, refused.
    pub refused: u64,
    /// Of those due, failed or without an outcome.
    pub failed: u64,
    /// Median latency of those answered, in nanoseconds.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Longest.
    pub max: u64,
}

/// The requests of one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSummary {
    /// `always`, `steady`, `before`, `during`, `after`, `before:NAME`, `during:NAME`, `after:NAME`.
    pub name: String,
    /// Its spans.
    pub spans: Vec<Window>,
    /// Its length without what lies after the last request, in nanoseconds.
    pub length: u64,
    /// How often a set of replicas changed its view; the openings of epochs do not count.
    #[serde(default)]
    pub view_changes: u64,
    /// What became of its requests.
    pub counts: Counts,
    /// From due to answered, over answered requests.
    pub latency: Quantiles,
    /// From sent to answered, over answered requests.
    pub service: Quantiles,
    /// From due to sent, over sent requests: the generator's own lag.
    pub lag: Quantiles,
    /// From sent to the first byte of the response, over sent requests that got one.
    pub first_byte: Quantiles,
    /// What tasks lay ready before they were handed to a worker, summed along the chain of tasks that the answer came from; over
    /// requests that came with all of their tasks, as the next two.
    #[serde(default)]
    pub queue_wait: Quantiles,
    /// From the first ready task of a request to its last certified answer.
    #[serde(default)]
    pub dag_wait: Quantiles,
    /// The longest chain of service times (handed to a worker to certified answer) through the tasks of a request.
    #[serde(default)]
    pub critical_path: Quantiles,
}

/// How long a fault took to be noticed and made up for, in nanoseconds from its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultTimes {
    /// The fault.
    pub name: String,
    /// Until the platform noticed.
    pub time_to_detect: Option<u64>,
    /// Until the platform had made up for it.
    pub time_to_recover: Option<u64>,
    /// The longest time between two answers in a row, whoever they were for, that lies in part in the time it was felt.
    #[serde(default)]
    pub answer_gap: Option<u64>,
}

/// What a trial comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// See `SCHEMA_VERSION`.
    pub schema_version: u32,
    /// True if the history ends in a torn frame: the trial is a prefix.
    pub torn: bool,
    /// The windows; the first is `always`.
    pub windows: Vec<WindowSummary>,
    /// The whole trial, warm-up included, second by second.
    pub seconds: Vec<Second>,
    /// The layers, in the order of `tally_model::Operation::ALL`.
    pub layers: Vec<LayerTimes>,
    /// The faults.
    pub faults: Vec<FaultTimes>,
    /// The scale-ups, and the overloads to which the policy did not react; none in files of before this was computed.
    #[serde(default)]
    pub scale_ups: Vec<ScaleUp>,
}
