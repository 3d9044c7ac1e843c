//! Counters and the page that shows them, in OpenMetrics text.

use std::fmt::{Result, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tally_listen::Connections;

use crate::fault::Fault;
use crate::service::{ACTIONS, Service};

/// How an action may end.
const ENDS: [&str; 3] = ["ok", "sender", "receiver"];

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    actions: [[AtomicU64; ENDS.len()]; ACTIONS.len()],
    sent: AtomicU64,
    received: AtomicU64,
    deleted: AtomicU64,
    /// Receives under way.
    polls: AtomicU64,
    pub(crate) connections: Arc<Connections>,
}

impl Metrics {
    /// Counts an action by its end; an unknown one is not counted, because anybody may make up names.
    pub(crate) fn performed(&self, action: &str, fault: Option<&Fault>) {
        let end = fault.map_or(0, |fault| if fault.by_sender() { 1 } else { 2 });
        if let Some(index) = ACTIONS.iter().position(|known| *known == action) {
            self.actions[index][end].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts messages that were stored.
    pub(crate) fn sent(&self, count: usize) {
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts messages that were handed out.
    pub(crate) fn received(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts a receive that is under way, until the value is dropped.
    pub(crate) fn poll(&self) -> Poll<'_> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        Poll(&self.polls)
    }

    /// Counts messages that were deleted by receipt.
    pub(crate) fn deleted(&self, count: usize) {
        self.deleted.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// A receive under way, also one whose client goes away.
#[derive(Debug)]
pub(crate) struct Poll<'a>(&'a AtomicU64);

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The whole page; ends with `# EOF` as the format demands.
pub(crate) fn page(service: &Service) -> String {
    let mut text = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _infallible = actions(&mut text, &service.metrics)
        .and_then(|()| messages(&mut text, service))
        .and_then(|()| depths(&mut text, service));
    text.push_str("# EOF\n");
    text
}

fn actions(text: &mut String, metrics: &Metrics) -> Result {
    writeln!(
        text,
        "# HELP tally_sqs_requests Actions by how they ended: ok, the sender's fault, the server's."
    )?;
    writeln!(text, "# TYPE tally_sqs_requests counter")?;
    for (action, ends) in ACTIONS.iter().zip(&metrics.actions) {
        for (end, count) in ENDS.iter().zip(ends) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                writeln!(
                    text,
                    "tally_sqs_requests_total{{action=\"{action}\",end=\"{end}\"}} {count}"
                )?;
            }
        }
    }
    Ok(())
}

fn messages(text: &mut String, service: &Service) -> Result {
    let metrics = &service.metrics;
    for (name, help, counter) in [
        ("tally_sqs_messages_sent", "Messages stored.", &metrics.sent),
        (
            "tally_sqs_messages_received",
            "Messages handed out.",
            &metrics.received,
        ),
        (
            "tally_sqs_messages_deleted",
            "Messages deleted by receipt.",
            &metrics.deleted,
        ),
        (
            "tally_refused_connections",
            "Connections above the cap.",
            &metrics.connections.refused,
        ),
    ] {
        let count = counter.load(Ordering::Relaxed);
        writeln!(
            text,
            "# HELP {name} {help}\n# TYPE {name} counter\n{name}_total {count}"
        )?;
    }
    let open = metrics.connections.open.load(Ordering::Relaxed) as u64;
    let polls = metrics.polls.load(Ordering::Relaxed);
    for (name, help, value) in [
        ("tally_open_connections", "Client connections.", open),
        ("tally_sqs_polls", "Receives under way.", polls),
        (
            "tally_stored_bytes",
            "Bytes of all messages.",
            service.store.bytes() as u64,
        ),
    ] {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")?;
    }
    Ok(())
}

fn depths(text: &mut String, service: &Service) -> Result {
    writeln!(
        text,
        "# HELP tally_queue_depth Messages of a queue.\n# TYPE tally_queue_depth gauge"
    )?;
    for name in service.registry.names("", None, usize::MAX) {
        let entry = service.registry.get(&name);
        let Some(census) = entry.ok().and_then(|entry| service.store.census(entry.id()).ok()) else {
            continue;
        };
        for (state, count) in [
            ("visible", census.visible),
            ("in_flight", census.in_flight),
            ("delayed", census.delayed),
        ] {
            writeln!(
                text,
                "tally_queue_depth{{queue=\"{name}\",state=\"{state}\"}} {count}"
            )?;
        }
    }
    Ok(())
}
