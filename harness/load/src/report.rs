//! What a run of the generator measured about itself, and what became of every request.

use std::borrow::Cow;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::prefetch::Collected;
use crate::tally::{Tally, nanos_histogram, widen};
use crate::{Sent, is_valid};

/// The outcome of a run. Times in nanoseconds unless the type says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Every request, by `n`; empty unless [`crate::Options::keep`] is set.
    pub requests: Vec<Sent>,
    /// Intended time to the first system call made for a request, first attempts only; three significant digits.
    #[serde(with = "exactly")]
    pub lag: Histogram<u64>,
    /// Requests attempted at least once.
    pub sent: u64,
    /// Sent more than 5 ms after their time.
    pub late: u64,
    /// Never sent.
    pub dropped: u64,
    /// Certainly not accepted: no attempt reached the server.
    pub refused: u64,
    /// Possibly accepted: written, and no response until the deadline.
    pub unknown: u64,
    /// First attempts that had to open a connection; their service time includes that.
    pub cold: u64,
    /// Requests that waited because every connection was busy. Lag follows; raise `connections_max`.
    pub starved: u64,
    /// How often a sending thread had to wait for its next requests to be prepared. Lag follows.
    pub stalled: u64,
    /// Requests that a second thread sent because the first was late for them.
    #[serde(default)]
    pub relieved: u64,
    /// Responses that could not be read.
    pub malformed: u64,
    /// Why the first of them could not.
    pub malformed_reason: Option<Cow<'static, str>>,
    /// Records that did not fit the live channel at once and were forwarded later.
    pub spilled: u64,
    /// Records that were not forwarded because nobody listens to the live channel any more.
    pub unforwarded: u64,
    /// Closed loop: users that went on without an answer at the deadline.
    pub unanswered: u64,
    /// Achieved over intended rate of first sends, minus one; zero for fewer than two requests.
    pub rate_error: f64,
    /// Whether every sending thread ran as `SCHED_FIFO`.
    pub realtime: bool,
    /// User and system time of the sending threads, those that stand by included.
    pub cpu_seconds: f64,
    /// Time the sending threads, without those that stand by, were ready but had no CPU: the part of lag that the machine stole.
    pub run_delay: Duration,
    /// Time the sending threads slept only to stay under the limit on real-time CPU.
    pub naps: Duration,
    /// From the start to the last resolution.
    pub elapsed: Duration,
}

impl Report {
    pub(crate) fn merge(parts: Vec<(Tally, Collected)>) -> Self {
        let mut total = Tally::new();
        total.realtime = !parts.is_empty();
        let mut all = Collected::default();
        for (part, collected) in parts {
            // Equal bounds, so that adding cannot fail.
            let _ = total.lag.add(&part.lag);
            total.late += part.late;
            total.cold += part.cold;
            total.starved += part.starved;
            total.stalled += part.stalled;
            total.relieved += part.relieved;
            total.malformed += part.malformed;
            total.malformed_reason = total.malformed_reason.or(part.malformed_reason);
            total.unanswered += part.unanswered;
            total.sent += part.sent;
            total.dropped += part.dropped;
            total.refused += part.refused;
            total.unknown += part.unknown;
            total.intended = widen(total.intended, part.intended);
            total.achieved = widen(total.achieved, part.achieved);
            total.realtime &= part.realtime;
            total.cpu_ns += part.cpu_ns;
            total.run_delay_ns += part.run_delay_ns;
            total.naps_ns += part.naps_ns;
            total.elapsed_ns = total.elapsed_ns.max(part.elapsed_ns);
            all.spilled += collected.spilled;
            all.unforwarded += collected.unforwarded;
            all.requests.extend(collected.requests);
        }
        all.requests.sort_by_key(|request| request.n);
        Self {
            requests: all.requests,
            rate_error: rate_error(&total),
            lag: total.lag,
            sent: total.sent,
            dropped: total.dropped,
            refused: total.refused,
            unknown: total.unknown,
            late: total.late,
            cold: total.cold,
            starved: total.starved,
            stalled: total.stalled,
            relieved: total.relieved,
            malformed: total.malformed,
            malformed_reason: total.malformed_reason.map(Cow::from),
            spilled: all.spilled,
            unforwarded: all.unforwarded,
            unanswered: total.unanswered,
            realtime: total.realtime,
            cpu_seconds: total.cpu_ns as f64 / 1e9,
            run_delay: Duration::from_nanos(total.run_delay_ns),
            naps: Duration::from_nanos(total.naps_ns),
            elapsed: Duration::from_nanos(total.elapsed_ns),
        }
    }

    /// Intended time to last byte of every request that has a status and was kept.
    pub fn response_times(&self) -> Histogram<u64> {
        let mut times = nanos_histogram();
        for request in self.requests.iter().filter(|request| request.error.is_none()) {
            times.saturating_record(request.response_ns().max(1));
        }
        times
    }

    /// The 99.9th percentile of lag.
    pub fn lag_p999(&self) -> Duration {
        Duration::from_nanos(self.lag.value_at_quantile(0.999))
    }

    /// Whether the schedule was kept well enough for latencies with this p99 to count: see [`is_valid`].
    /// A run that dropped a request on its own account did not keep it.
    pub fn is_valid(&self, latency_p99: Duration) -> bool {
        self.dropped == 0 && is_valid(&self.lag, latency_p99)
    }
}

/// A histogram in HdrHistogram's V2 format, so that what is told elsewhere adds up to the count.
mod exactly {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Deserializer as Decoder, Serializer as _, V2Serializer};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    pub(super) fn serialize<S: Serializer>(histogram: &Histogram<u64>, to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        let coded = V2Serializer::new().serialize(histogram, &mut bytes);
        coded.map_err(|error| ser::Error::custom(format!("{error:?}")))?;
        bytes.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
        let bytes = Vec::<u8>::deserialize(from)?;
        let decoded = Decoder::new().deserialize(&mut bytes.as_slice());
        decoded.map_err(|error| de::Error::custom(format!("no histogram: {error}")))
    }
}

/// How far the rate of first sends was from the intended one.
fn rate_error(total: &Tally) -> f64 {
    let span = |(low, high): (u64, u64)| high.saturating_sub(low);
    let (intended, achieved) = (span(total.intended), span(total.achieved));
    if intended == 0 || achieved == 0 {
        return 0.0;
    }
    intended as f64 / achieved as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What threads count adds up; the run had real-time scheduling if each of them had.
    #[test]
    fn the_report_is_of_all_sending_threads() {
        let part = |realtime, relieved, cpu_ns| {
            let mut tally = Tally::new();
            tally.record_lag(7);
            (tally.realtime, tally.relieved, tally.cpu_ns) = (realtime, relieved, cpu_ns);
            (tally, Collected::default())
        };
        let report = Report::merge(vec![part(true, 2, 1_000_000_000), part(false, 3, 500_000_000)]);
        assert_eq!(
            (report.lag.len(), report.relieved, report.realtime),
            (2, 5, false)
        );
        assert_eq!(report.cpu_seconds.to_bits(), 1.5_f64.to_bits());
        assert!(Report::merge(vec![part(true, 0, 0)]).realtime);
    }
}
