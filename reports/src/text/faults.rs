//! Faults, each in two lines: what was done and seen, and what the platform made of it.

use std::collections::BTreeMap;

use tally_capture::FaultRecord;

use super::paint::Paint;
use crate::phrase::{self, Tone};
use crate::run_report::{RunReport, TrialReport};
use crate::unit;

/// Most faults shown.
const FAULTS: usize = 20;

/// The ledger of a trial.
pub(super) fn ledger(trial: &TrialReport, page: &mut Paint) {
    if trial.faults.is_empty() {
        return;
    }
    page.gap();
    page.heading(&format!("faults ({})", trial.faults.len()));
    for fault in trial.faults.iter().take(FAULTS) {
        let times = trial.summary.faults.iter().find(|times| times.name == fault.name);
        one(fault, times.and_then(|times| times.answer_gap), page);
    }
    if let Some(window) = trial.summary.window("")
        && window.view_changes > 0
    {
        page.line(&format!("view changes: {}", unit::count(window.view_changes)));
    }
    if trial.faults.len() > FAULTS {
        page.line(&format!(
            "and {} more in faults.jsonl",
            trial.faults.len() - FAULTS
        ));
    }
}

/// How long nobody was answered, over all faults of one kind and role and all trials; percentiles by nearest rank. One fault alone
/// has its own line.
pub(super) fn gaps(report: &RunReport, page: &mut Paint) {
    for (what, mut gaps) in gaps_by_kind(report) {
        gaps.sort_unstable();
        let at = |share: usize| gaps[(gaps.len() * share).div_ceil(100).saturating_sub(1)];
        if gaps.len() > 1 {
            page.gap();
            page.wrapped(
                0,
                &format!(
                    "longest without an answer, {} x {what} in {} trial(s): p50 {}, p99 {}, max {}",
                    gaps.len(),
                    report.trials.len(),
                    unit::nanos(at(50)),
                    unit::nanos(at(99)),
                    unit::nanos(at(100)),
                ),
            );
        }
    }
}

fn gaps_by_kind(report: &RunReport) -> BTreeMap<String, Vec<u64>> {
    let mut all = BTreeMap::<String, Vec<u64>>::new();
    for trial in &report.trials {
        for fault in &trial.faults {
            let times = trial.summary.faults.iter().find(|times| times.name == fault.name);
            if let Some(gap) = times.and_then(|times| times.answer_gap) {
                let what = format!("{} of {}", fault.kind, fault.role);
                all.entry(what).or_default().push(gap);
            }
        }
    }
    all
}

fn one(fault: &FaultRecord, gap: Option<u64>, page: &mut Paint) {
    let problem = phrase::problem(fault);
    let (tone, word) = match problem {
        None => (Tone::Good, "verified"),
        Some(_) => (Tone::Doubtful, "unverified"),
    };
    let when = match &fault.effective {
        Some(effect) => format!("took effect at {}", unit::moment(effect.at)),
        None => format!("planned at {}", unit::moment(fault.planned)),
    };
    page.toned(
        tone,
        word,
        &format!(" {}: {}, {when}", fault.name, phrase::what(fault)),
    );
    if let Some(effect) = &fault.effective {
        page.wrapped(4, &effect.evidence);
    }
    page.wrapped(
        4,
        &format!(
            "{}, {}, {}{}",
            phrase::step(fault, "noticed", fault.detected.as_ref()),
            phrase::step(fault, "made up for", fault.recovered.as_ref()),
            phrase::step(fault, "healed", fault.healed.as_ref()),
            gap.map_or(String::new(), |gap| format!(
                ", longest without an answer {}",
                unit::nanos(gap)
            ))
        ),
    );
    if let Some(problem) = problem {
        page.wrapped(4, &format!("problem: {problem}"));
    }
}
