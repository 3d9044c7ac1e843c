//! Counters and the page that shows them, in OpenMetrics text.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tally_model::{AnswerMessage, Failure, Instant, Outcome};

use crate::door::Door;

/// Upper bounds of the latency histogram, seconds.
const BOUNDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Statuses that responses are counted by.
const STATUSES: [u16; 14] = [
    200, 202, 400, 404, 405, 408, 409, 411, 413, 414, 415, 429, 500, 503,
];

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    values: AtomicU64,
    failures: [AtomicU64; Failure::ALL.len()],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    latency_micros: AtomicU64,
    statuses: [AtomicU64; STATUSES.len()],
    /// Requests that a handler works on now.
    pub(crate) active: AtomicUsize,
    /// The most that ever were.
    pub(crate) most_active: AtomicUsize,
}

impl Metrics {
    /// Counts an answer that is stored at `now`.
    pub(crate) fn answered(&self, answer: &AnswerMessage, now: Instant) {
        match &answer.outcome {
            Outcome::Value(_) => &self.values,
            Outcome::Error(failure) => {
                let index = Failure::ALL.iter().position(|f| f == failure).unwrap_or(0);
                &self.failures[index]
            }
        }
        .fetch_add(1, Ordering::Relaxed);
        let latency = now.since(answer.accepted);
        let bucket = BOUNDS.partition_point(|bound| *bound < latency.as_secs_f64());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts a response.
    pub(crate) fn responded(&self, status: u16) {
        if let Some(index) = STATUSES.iter().position(|s| *s == status) {
            self.statuses[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A handler begins.
    pub(crate) fn begin(&self) {
        let active = self.active.fetch_add(1, Ordering::AcqRel) + 1;
        self.most_active.fetch_max(active, Ordering::AcqRel);
    }
}

/// The whole page; ends with `# EOF` as the format demands.
pub(crate) fn page(door: &Door) -> String {
    let metrics = &door.inner.metrics;
    let mut text = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _infallible = answers(&mut text, metrics)
        .and_then(|()| latency(&mut text, metrics))
        .and_then(|()| levels(&mut text, door))
        .and_then(|()| layers(&mut text, door));
    text.push_str("# EOF\n");
    text
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn answers(text: &mut String, metrics: &Metrics) -> std::fmt::Result {
    writeln!(text, "# HELP tally_answers Stored answers by outcome.")?;
    writeln!(text, "# TYPE tally_answers counter")?;
    writeln!(
        text,
        "tally_answers_total{{outcome=\"value\"}} {}",
        get(&metrics.values)
    )?;
    for (failure, count) in Failure::ALL.iter().zip(&metrics.failures) {
        writeln!(
            text,
            "tally_answers_total{{outcome=\"{failure}\"}} {}",
            get(count)
        )?;
    }
    writeln!(text, "# HELP tally_responses HTTP responses by status.")?;
    writeln!(text, "# TYPE tally_responses counter")?;
    for (status, count) in STATUSES.iter().zip(&metrics.statuses) {
        writeln!(
            text,
            "tally_responses_total{{status=\"{status}\"}} {}",
            get(count)
        )?;
    }
    Ok(())
}

fn latency(text: &mut String, metrics: &Metrics) -> std::fmt::Result {
    writeln!(text, "# HELP tally_latency_seconds From accepted to stored.")?;
    writeln!(text, "# TYPE tally_latency_seconds histogram")?;
    let mut count = 0;
    for (index, bucket) in metrics.buckets.iter().enumerate() {
        count += get(bucket);
        let bound = BOUNDS
            .get(index)
            .map_or_else(|| "+Inf".into(), |b| format!("{b:?}"));
        writeln!(text, "tally_latency_seconds_bucket{{le=\"{bound}\"}} {count}")?;
    }
    let sum = Duration::from_micros(get(&metrics.latency_micros)).as_secs_f64();
    writeln!(text, "tally_latency_seconds_count {count}")?;
    writeln!(text, "tally_latency_seconds_sum {sum}")
}

fn level(text: &mut String, name: &str, help: &str, value: u64) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")
}

fn count(text: &mut String, name: &str, help: &str, value: u64) -> std::fmt::Result {
    writeln!(
        text,
        "# HELP {name} {help}\n# TYPE {name} counter\n{name}_total {value}"
    )
}

fn levels(text: &mut String, door: &Door) -> std::fmt::Result {
    let metrics = &door.inner.metrics;
    let gauge = door.gauge();
    let load = |value: &AtomicUsize| value.load(Ordering::Relaxed) as u64;
    level(
        text,
        "tally_pending_requests",
        "Accepted, no outcome yet.",
        gauge.pending,
    )?;
    level(
        text,
        "tally_waiting_clients",
        "Clients that wait for an answer.",
        gauge.waiting,
    )?;
    level(
        text,
        "tally_open_connections",
        "Client connections.",
        load(&door.inner.connections.open),
    )?;
    level(
        text,
        "tally_active_requests",
        "Requests in a handler.",
        load(&metrics.active),
    )?;
    count(text, "tally_accepted", "Requests accepted.", gauge.accepted)?;
    count(
        text,
        "tally_duplicate_outcomes",
        "Equal second outcomes.",
        gauge.duplicates,
    )?;
    count(
        text,
        "tally_conflicting_outcomes",
        "Safety violations.",
        gauge.conflicts,
    )?;
    count(
        text,
        "tally_unreadable_messages",
        "Outbound messages that are no answers.",
        gauge.unreadable,
    )?;
    count(
        text,
        "tally_port_troubles",
        "Port calls of the gateway that failed.",
        gauge.troubles,
    )?;
    count(
        text,
        "tally_expired_answers",
        "Answers removed after their retention.",
        gauge.expired,
    )?;
    count(
        text,
        "tally_refused_connections",
        "Connections above the cap.",
        get(&door.inner.connections.refused),
    )
}

fn layers(text: &mut String, door: &Door) -> std::fmt::Result {
    let status = door.inner.source.status();
    writeln!(
        text,
        "# HELP tally_queue_depth Messages of a layer.\n# TYPE tally_queue_depth gauge"
    )?;
    for layer in &status.layers {
        let (name, visible, taken) = (layer.operation, layer.visible, layer.in_flight);
        writeln!(
            text,
            "tally_queue_depth{{queue=\"layer-{name}\",state=\"visible\"}} {visible}"
        )?;
        writeln!(
            text,
            "tally_queue_depth{{queue=\"layer-{name}\",state=\"in_flight\"}} {taken}"
        )?;
    }
    writeln!(
        text,
        "# HELP tally_sets Worker sets of an operation.\n# TYPE tally_sets gauge"
    )?;
    for layer in &status.layers {
        let (name, ready, starting) = (layer.operation, layer.ready, layer.starting);
        writeln!(text, "tally_sets{{operation=\"{name}\",state=\"ready\"}} {ready}")?;
        writeln!(
            text,
            "tally_sets{{operation=\"{name}\",state=\"starting\"}} {starting}"
        )?;
    }
    count(text, "tally_faults", "Faults raised.", status.faults)?;
    if let Some(bytes) = status.rss_bytes {
        level(text, "tally_resident_memory_bytes", "Resident memory.", bytes)?;
    }
    Ok(())
}
