//! Faults, each in two lines: what was done and seen, and what the platform made of it.

use tally_capture::FaultRecord;

use super::paint::Paint;
use crate::phrase::{self, Tone};
use crate::run_report::TrialReport;
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
