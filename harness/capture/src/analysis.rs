//! A trial's history in columns: five numbers per request, from which every window is computed.
//!
//! A million requests take 80 MiB, whatever their expressions; the text of the history is never held.

use hdrhistogram::Histogram;

use crate::error::Result;
use crate::frame::Tail;
use crate::gaps;
use crate::history::{fold_frames, parse_line};
use crate::metric::{of_histogram, of_values};
use crate::phases::{self, LayerTimes};
use crate::reaction::{ScaleUp, scale_ups};
use crate::reader::TrialReader;
use crate::record::{FaultRecord, SCHEMA_VERSION, Sample};
use crate::row::{End, Line, Row};
use crate::summary::{Counts, FaultTimes, Quantiles, Second, Summary, WindowSummary, histogram};
use crate::waits::Waits;
use crate::window::{self, Window};

const SECOND: u64 = 1_000_000_000;
/// Histograms hold whole numbers, so ratios are recorded in millionths.
const RATIO: f64 = 1e6;

/// A trial, ready to be asked.
#[derive(Debug)]
pub struct Analysis {
    rows: Vec<Row>,
    waits: Vec<Waits>,
    torn: bool,
    faults: Vec<FaultRecord>,
    layers: Vec<LayerTimes>,
    scale_ups: Vec<ScaleUp>,
    /// When answers arrived, ascending.
    answers: Vec<u64>,
    view_changes: Vec<u64>,
    /// When memory was looked at, and the resident bytes of the largest process of the platform.
    memory: Vec<(u64, u64)>,
}

impl Analysis {
    /// Reads a trial on `threads` threads.
    ///
    /// # Errors
    /// If a file is missing or damaged; a torn tail is not an error.
    pub fn read(trial: &TrialReader, threads: usize) -> Result<Self> {
        Self::with_faults(trial, threads, trial.faults()?.0)
    }

    /// Reads what is there of a trial that is still written. Ledgers come to the disk at its end, so `faults` are given.
    ///
    /// # Errors
    /// As for [`Analysis::read`].
    pub fn with_faults(trial: &TrialReader, threads: usize, faults: Vec<FaultRecord>) -> Result<Self> {
        let path = trial.history_path();
        let (parts, tail) = fold_frames(&path, threads, Vec::new, |rows: &mut Vec<Row>, line, frame| {
            if let Line::Op(op) = parse_line(line, frame, &path)? {
                rows.push(Row::of(&op));
            }
            Ok(())
        })?;
        let mut parts = parts.into_iter();
        let mut rows = parts.next().unwrap_or_default();
        for part in parts {
            rows.extend(part);
        }
        let (layers, waits) = phases::read(&trial.certificates_path(), threads)?;
        let arrived = rows.iter().filter(|row| row.latency != u64::MAX);
        let mut answers: Vec<u64> = arrived
            .map(|row| row.intended.saturating_add(row.latency))
            .collect();
        answers.sort_unstable();
        let events = trial.events()?.0;
        Ok(Self {
            answers,
            view_changes: gaps::view_changes(&events),
            rows,
            waits,
            torn: tail != Tail::Clean,
            faults,
            layers,
            scale_ups: scale_ups(&events),
            memory: memory(&trial.series()?.0),
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
            faults: self.faults.iter().map(|fault| self.fault_times(fault)).collect(),
            scale_ups: self.scale_ups.clone(),
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
        let mut waited: [Histogram<u64>; 3] = std::array::from_fn(|_| histogram());
        for waits in self.waits_in(&spans) {
            let times = [waits.queue_wait, waits.dag_wait, waits.critical_path];
            for (histogram, nanos) in waited.iter_mut().zip(times) {
                histogram.saturating_record(nanos);
            }
        }
        let [queue_wait, dag_wait, critical_path] = waited.each_ref().map(Quantiles::of);
        let within = Window {
            from: 0,
            to: latest.saturating_add(1),
        };
        let changed = |at: &&u64| spans.iter().any(|span| span.contains(**at));
        let view_changes = self.view_changes.iter().filter(changed).count() as u64;
        let length = spans.iter().map(|span| span.intersect(within).length()).sum();
        WindowSummary {
            name,
            spans,
            length,
            view_changes,
            counts,
            latency,
            service,
            lag,
            first_byte,
            queue_wait,
            dag_wait,
            critical_path,
        }
    }

    fn waits_in<'a>(&'a self, spans: &'a [Window]) -> impl Iterator<Item = &'a Waits> {
        let inside = |waits: &&Waits| spans.iter().any(|span| span.contains(waits.intended));
        self.waits.iter().filter(inside)
    }

    /// `function` (as for [`Summary::metric`]) of one time over another, request by request, over the requests that were due in
    /// `spans`. Both are `queue_wait`, `dag_wait` or `critical_path`; none for other names and if no request has both.
    pub fn ratio(&self, function: &str, over: &str, under: &str, spans: &[Window]) -> Option<f64> {
        let mut parts = histogram();
        for waits in self.waits_in(spans) {
            let (over, under) = (waits.get(over)?, waits.get(under)?);
            if under > 0 {
                parts.saturating_record((over as f64 / under as f64 * RATIO) as u64);
            }
        }
        let value = of_histogram(&parts, function)?;
        Some(if function == "count" { value } else { value / RATIO })
    }

    /// `function` of one time, in nanoseconds, over the requests that were due in `spans`: `latency`, `service`, `lag`, `first_byte`,
    /// `queue_wait`, `dag_wait` or `critical_path`. Functions are those of [`Summary::metric`], and every percentile from `p0` to
    /// `p100` with up to two digits behind the point. None for other names and where nothing was measured.
    pub fn time(&self, function: &str, name: &str, spans: &[Window]) -> Option<f64> {
        let mut times = histogram();
        if matches!(name, "queue_wait" | "dag_wait" | "critical_path") {
            for waits in self.waits_in(spans) {
                times.saturating_record(waits.get(name)?);
            }
            return of_histogram(&times, function);
        }
        let inside = |row: &&Row| spans.iter().any(|span| span.contains(row.intended));
        for row in self.rows.iter().filter(inside) {
            let answered = row.end == End::Answered && row.latency != u64::MAX;
            let sent = row.lag != u64::MAX;
            match name {
                "latency" => record(&mut times, row.latency, answered),
                "service" => record(&mut times, row.latency.saturating_sub(row.lag), answered && sent),
                "lag" => record(&mut times, row.lag, sent),
                "first_byte" => record(&mut times, row.first_byte, row.first_byte != u64::MAX),
                _ => return None,
            }
        }
        of_histogram(&times, function)
    }

    /// `function` of the resident bytes of the platform's largest process, over the looks at it in `spans`; functions as for
    /// [`Analysis::time`], exact. None where nobody could look.
    pub fn memory(&self, function: &str, spans: &[Window]) -> Option<f64> {
        let inside = |at: u64| spans.iter().any(|span| span.contains(at));
        let looks = self.memory.iter().filter(|(at, _)| inside(*at));
        of_values(looks.map(|(_, bytes)| *bytes).collect(), function)
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

    fn fault_times(&self, fault: &FaultRecord) -> FaultTimes {
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
            answer_gap: gaps::longest(&self.answers, window::of_fault(fault)),
        }
    }
}

/// Of each sample that could look at memory; where nobody could, there are zeros.
fn memory(samples: &[Sample]) -> Vec<(u64, u64)> {
    let largest = |sample: &Sample| (sample.at, sample.rss[0].max(sample.rss[1]));
    let seen = samples.iter().map(largest);
    seen.filter(|(_, bytes)| *bytes > 0).collect()
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
