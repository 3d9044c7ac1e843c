//! The tables of one trial: windows, faults, correctness, phases.

use serde::Serialize;
use tally_capture::{Effect, FaultRecord, LayerTimes, Summary, WindowSummary};

use super::page::Badge;
use crate::phrase::{self, Tone};
use crate::run_report::Correctness;
use crate::unit;

/// Most windows listed, and most findings in words.
const LINES: usize = 64;

/// A row of the fault ledger.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    label: String,
    name: String,
    what: String,
    badge: Badge,
    planned: String,
    effective: Seen,
    symptom: Seen,
    detected: Seen,
    recovered: Seen,
    healed: Seen,
}

#[derive(Debug, Serialize)]
struct Seen {
    when: String,
    evidence: String,
}

/// A row of the correctness table.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    badge: Badge,
    name: String,
    count: String,
    meaning: String,
}

/// A row of the table of phases, with a bar of two parts, in percent of the longest.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    layer: String,
    tasks: String,
    cells: Vec<String>,
    wait_bar: String,
    work_bar: String,
}

/// One row per window in which something was due.
pub(super) fn windows(summary: &Summary) -> Vec<Vec<String>> {
    let row = |window: &WindowSummary| {
        let latency = window.latency;
        let time = |share: f64, nanos: u64| phrase::percentile(latency.count, share, nanos);
        vec![
            phrase::window(&window.name),
            unit::count(window.counts.offered),
            unit::share(window.counts.answered, window.counts.offered),
            unit::share(window.counts.refused, window.counts.offered),
            unit::share(
                window.counts.failed + window.counts.timeout,
                window.counts.offered,
            ),
            time(0.5, latency.p50),
            time(0.9, latency.p90),
            time(0.99, latency.p99),
            time(0.999, latency.p999),
            time(0.0, latency.max),
        ]
    };
    let used = summary.windows.iter().filter(|window| window.counts.offered > 0);
    used.take(LINES).map(row).collect()
}

/// A row of the ledger.
pub(super) fn fault((index, fault): (usize, &FaultRecord)) -> Fault {
    let seen = |step: Option<&Effect>| Seen {
        when: phrase::after(fault, step),
        evidence: step.map(|step| step.evidence.clone()).unwrap_or_default(),
    };
    let badge = match phrase::problem(fault) {
        Some(problem) => Badge::new(Tone::Doubtful, &problem),
        None => Badge::new(Tone::Good, "took effect and was healed"),
    };
    let effective = Seen {
        when: fault
            .effective
            .as_ref()
            .map_or_else(|| "never seen".into(), |effect| unit::moment(effect.at)),
        evidence: fault
            .effective
            .as_ref()
            .map(|effect| effect.evidence.clone())
            .unwrap_or_default(),
    };
    Fault {
        label: format!("F{}", index + 1),
        name: fault.name.clone(),
        what: phrase::what(fault),
        badge,
        planned: format!(
            "{} for {}",
            unit::moment(fault.planned),
            unit::nanos(fault.duration)
        ),
        effective,
        symptom: seen(fault.symptom.as_ref()),
        detected: seen(fault.detected.as_ref()),
        recovered: seen(fault.recovered.as_ref()),
        healed: seen(fault.healed.as_ref()),
    }
}

/// The promises, each with its count.
pub(super) fn findings(found: &Correctness) -> Vec<Finding> {
    let accepted = unit::count(found.accepted);
    let bad = |name: &str, count: u64, meaning: &str| Finding {
        badge: if count == 0 {
            Badge::new(Tone::Good, "none")
        } else {
            Badge::new(Tone::Bad, "found")
        },
        name: name.to_owned(),
        count: unit::count(count),
        meaning: meaning.to_owned(),
    };
    let mut findings = vec![
        bad(
            "lost",
            found.lost,
            &format!("of {accepted} accepted: without an outcome"),
        ),
        bad("wrong", found.wrong, "not what an independent evaluator gets"),
        bad(
            "duplicated",
            found.duplicated,
            "one request with two records or two ids",
        ),
        bad(
            "conflicting",
            found.conflicting,
            "one request with two different outcomes",
        ),
        bad(
            "unexpected",
            found.unexpected,
            "an outcome for a request that was refused or never sent",
        ),
        bad(
            "non-monotonic",
            found.non_monotonic,
            "an answer that a later read did not find again",
        ),
    ];
    let late = "still worked on when the harness stopped to wait";
    findings.extend((found.overdue > 0).then(|| bad("overdue", found.overdue, late)));
    for (name, count) in found.flaws.iter().take(LINES) {
        findings.push(bad(
            &format!("certificate: {name}"),
            *count,
            "a certificate that does not hold",
        ));
    }
    findings.push(Finding {
        badge: match found.certificates_total {
            0 => Badge::new(Tone::Doubtful, "no certificates"),
            total if total == found.certificates_audited => Badge::new(Tone::Good, "all audited"),
            _ => Badge::new(Tone::Good, "a part audited"),
        },
        name: "certificates audited".into(),
        count: format!(
            "{} of {}",
            unit::count(found.certificates_audited),
            unit::count(found.certificates_total)
        ),
        meaning: "every signature verified against the keys in the run directory".into(),
    });
    findings.extend(found.gaps.iter().take(LINES).map(|gap| Finding {
        badge: Badge::new(Tone::Doubtful, "gap"),
        name: "record".into(),
        count: String::new(),
        meaning: gap.clone(),
    }));
    findings
}

/// Findings in words.
pub(super) fn examples(found: &Correctness) -> Vec<String> {
    found.examples.iter().take(LINES).cloned().collect()
}

/// Where the time of tasks went; layers without tasks are left out.
pub(super) fn phases(layers: &[LayerTimes]) -> Vec<Phase> {
    let whole = |layer: &LayerTimes| layer.queue_wait.mean + layer.compute.mean;
    let longest = layers.iter().map(whole).fold(1.0, f64::max);
    let bar = |part: f64| format!("{:.1}", part * 100.0 / longest);
    let row = |layer: &LayerTimes| Phase {
        layer: format!("{} {}", layer.operation.symbol(), layer.operation),
        tasks: unit::count(layer.compute.count),
        cells: [
            layer.queue_wait.mean as u64,
            layer.queue_wait.p50,
            layer.queue_wait.p99,
            layer.compute.mean as u64,
            layer.compute.p50,
            layer.compute.p99,
        ]
        .map(unit::nanos)
        .to_vec(),
        wait_bar: bar(layer.queue_wait.mean),
        work_bar: bar(layer.compute.mean),
    };
    layers
        .iter()
        .filter(|layer| layer.compute.count > 0)
        .map(row)
        .collect()
}
