//! A trial's history in columns: five numbers per request, from which every window is computed.
//!
//! A million requests take 45 MiB, whatever their expressions; the text of the history is never held.

use hdrhistogram::Histogram;
use tally_model::{Failure, Outcome};

use crate::error::Result;
use crate::frame::Tail;
use crate::history::{fold_frames, parse_line};
use crate::phases::{self, LayerTimes};
use crate::reader::TrialReader;
use crate::record::{Fate, FaultRecord, HistoryLine, Operation, SCHEMA_VERSION};
use crate::summary::{Counts, FaultTimes, Quantiles, Second, Summary, WindowSummary, histogram};
use crate::window::{self, Window};

/// A request sent later than this after it was due counts as late, in nanoseconds.
const LATE: u64 = 5_000_000;
const SECOND: u64 = 1_000_000_000;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Dropped,
    Refused,
    Answered,
    Failed,
    DeadLettered,
    Unanswered,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    intended: u64,
    /// `u64::MAX` stands for none in the next three.
    lag: u64,
    first_byte: u64,
    latency: u64,
    end: End,
    accepted: bool,
    retried: bool,
}

impl Row {
    fn of(op: &Operation) -> Self {
        let since = |later: Option<u64>, earlier: Option<u64>| match (later, earlier) {
            (Some(later), Some(earlier)) => later.saturating_sub(earlier),
            _ => u64::MAX,
        };
        let end = match (&op.outcome, op.fate) {
            (Some(Outcome::Error(Failure::DeadLettered)), _) => End::DeadLettered,
            (Some(Outcome::Error(failure)), _) if !failure.is_deterministic() => End::Failed,
            (Some(_), _) => End::Answered,
            (None, _) if op.sent.is_none() => End::Dropped,
            (None, Fate::Fail) => End::Refused,
            (None, _) => End::Unanswered,
        };
        Self {
            intended: op.intended,
            lag: since(op.sent, Some(op.intended)),
            first_byte: since(op.first_byte, op.sent),
            latency: since(op.done, Some(op.intended)),
            end,
            accepted: op.accepted,
            retried: op.attempts > 1,
        }
    }

    fn count(&self, counts: &mut Counts) {
        let sent = self.lag != u64::MAX;
        let answered = self.end == End::Answered;
        counts.offered += 1;
        counts.sent += u64::from(sent);
        counts.late += u64::from(sent && self.lag > LATE);
        counts.dropped += u64::from(!sent);
        counts.refused += u64::from(self.end == End::Refused);
        counts.accepted += u64::from(self.accepted);
        counts.answered += u64::from(answered);
        counts.failed += u64::from(matches!(self.end, End::Failed | End::DeadLettered));
        counts.dead_lettered += u64::from(self.end == End::DeadLettered);
        counts.timeout += u64::from(self.end == End::Unanswered);
        counts.recovered += u64::from(answered && self.retried);
    }
}

/// A trial, ready to be asked.
#[derive(Debug)]
pub struct Analysis {
    rows: Vec<Row>,
    torn: bool,
    faults: Vec<FaultRecord>,
    layers: Vec<LayerTimes>,
}

impl Analysis {
    /// Reads a trial on `threads` threads.
    ///
    /// # Errors
    /// If a file is missing or damaged; a torn tail is not an error.
    pub fn read(trial: &TrialReader, threads: usize) -> Result<Self> {
        let path = trial.history_path();
        let (states, tail) = fold_frames(&path, threads, Vec::new, |rows: &mut Vec<Row>, line, frame| {
            if let HistoryLine::Op(op) = parse_line(line, frame, &path)? {
                rows.push(Row::of(&op));
            }
            Ok(())
        })?;
        Ok(Self {
            rows: states.concat(),
            torn: tail != Tail::Clean,
            faults: trial.faults()?.0,
            layers: phases::read(&trial.certificates_path(), threads)?,
        })
    }

    /// The whole of it; expectations are judged over `measure`, which leaves out the warm-up and the drain.
    pub fn summary(&self, measure: Window) -> Summary {
        let named = window::named(measure, &self.faults);
        Summary {
            schema_version: SCHEMA_VERSION,
            torn: self.torn,
            windows: named
                .into_iter()
                .map(|(name, spans)| self.window(name, spans))
                .collect(),
            seconds: self.seconds(),
            layers: self.layers.clone(),
            faults: self.faults.iter().map(fault_times).collect(),
        }
    }

    /// The requests that were due in `spans`, which do not overlap.
    pub fn window(&self, name: String, spans: Vec<Window>) -> WindowSummary {
        let mut counts = Counts::default();
        let mut parts: [Histogram<u64>; 4] = std::array::from_fn(|_| histogram());
        let mut latest = 0;
        for row in &self.rows {
            latest = latest.max(row.intended);
            if !spans.iter().any(|span| span.contains(row.intended)) {
                continue;
            }
            row.count(&mut counts);
            let answered = row.end == End::Answered && row.latency != u64::MAX;
            let sent = row.lag != u64::MAX;
            let [latency, service, lag, first_byte] = &mut parts;
            record(latency, row.latency, answered);
            record(service, row.latency.saturating_sub(row.lag), answered && sent);
            record(lag, row.lag, sent);
            record(first_byte, row.first_byte, row.first_byte != u64::MAX);
        }
        let [latency, service, lag, first_byte] = parts.each_ref().map(Quantiles::of);
        let within = Window {
            from: 0,
            to: latest.saturating_add(1),
        };
        let length = spans.iter().map(|span| span.intersect(within).length()).sum();
        WindowSummary {
            name,
            spans,
            length,
            counts,
            latency,
            service,
            lag,
            first_byte,
        }
    }

    /// Every second from 0 to the last request or answer.
    fn seconds(&self) -> Vec<Second> {
        let mut seconds = Vec::new();
        for row in &self.rows {
            let due = at(&mut seconds, row.intended);
            due.offered += 1;
            due.answered += u64::from(row.end == End::Answered);
            due.refused += u64::from(row.end == End::Refused);
            due.failed += u64::from(matches!(
                row.end,
                End::Failed | End::DeadLettered | End::Unanswered
            ));
            if row.latency != u64::MAX {
                at(&mut seconds, row.intended.saturating_add(row.latency)).completed += 1;
            }
        }
        self.each_second(|second, _, latency, _| {
            let quantiles = Quantiles::of(latency);
            if let Some(known) = seconds.get_mut(second as usize) {
                known.p50 = quantiles.p50;
                known.p99 = quantiles.p99;
                known.max = quantiles.max;
            }
            Ok(())
        })
        .unwrap_or_default();
        seconds
    }

    /// Calls `each` for every second in which a request was due, in order, with the second, its length in seconds and the
    /// histograms of latency and lag.
    pub(crate) fn each_second(
        &self,
        mut each: impl FnMut(u64, u64, &Histogram<u64>, &Histogram<u64>) -> Result<()>,
    ) -> Result<()> {
        let mut order: Vec<&Row> = self.rows.iter().collect();
        order.sort_unstable_by_key(|row| row.intended);
        let (mut latency, mut lag) = (histogram(), histogram());
        for rows in order.chunk_by(|a, b| a.intended / SECOND == b.intended / SECOND) {
            latency.reset();
            lag.reset();
            for row in rows {
                record(
                    &mut latency,
                    row.latency,
                    row.end == End::Answered && row.latency != u64::MAX,
                );
                record(&mut lag, row.lag, row.lag != u64::MAX);
            }
            each(rows[0].intended / SECOND, 1, &latency, &lag)?;
        }
        Ok(())
    }

    /// Calls `each` for every fault with its name, its window and the histograms of latency and lag in it.
    pub(crate) fn each_fault(
        &self,
        mut each: impl FnMut(&str, Window, &Histogram<u64>, &Histogram<u64>) -> Result<()>,
    ) -> Result<()> {
        for fault in &self.faults {
            let window = window::of_fault(fault);
            let (mut latency, mut lag) = (histogram(), histogram());
            for row in self.rows.iter().filter(|row| window.contains(row.intended)) {
                record(
                    &mut latency,
                    row.latency,
                    row.end == End::Answered && row.latency != u64::MAX,
                );
                record(&mut lag, row.lag, row.lag != u64::MAX);
            }
            each(&fault.name, window, &latency, &lag)?;
        }
        Ok(())
    }
}

fn record(histogram: &mut Histogram<u64>, nanos: u64, really: bool) {
    if really {
        histogram.saturating_record(nanos);
    }
}

/// The entry of the second that holds `nanos`; seconds beyond a day are folded into the last, so that a wild time in a history
/// cannot ask for memory without bound.
fn at(seconds: &mut Vec<Second>, nanos: u64) -> &mut Second {
    let index = (nanos / SECOND).min(86_399) as usize;
    while seconds.len() <= index {
        seconds.push(Second {
            second: seconds.len() as u64,
            ..Second::default()
        });
    }
    &mut seconds[index]
}

fn fault_times(fault: &FaultRecord) -> FaultTimes {
    let since = |effect: &Option<crate::Effect>| {
        let effective = fault.effective.as_ref()?;
        effect
            .as_ref()
            .map(|effect| effect.at.saturating_sub(effective.at))
    };
    FaultTimes {
        name: fault.name.clone(),
        time_to_detect: since(&fault.detected),
        time_to_recover: since(&fault.recovered),
    }
}
