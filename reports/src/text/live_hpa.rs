//! Live autoscalers beside the model of them.

use super::grid::grid;
use super::paint::Paint;
use crate::clean::clean;
use crate::live_hpa::{COLUMNS, LiveAutoscaler, LiveLook, listed};
use crate::run_report::TrialReport;

/// Most looks of an autoscaler listed in a summary.
const LINES: usize = 8;

/// What came of each autoscaler, and below it all of its looks.
pub fn hpa_text(autoscalers: &[LiveAutoscaler]) -> Vec<String> {
    let mut lines = Vec::new();
    for autoscaler in autoscalers {
        let said = format!("{}: {}", autoscaler.operation, autoscaler.sentence());
        lines.push(clean(&said));
        lines.extend(looks(autoscaler.looks.iter(), usize::MAX));
    }
    lines
}

/// The same in the summary of a trial, with the looks that differ only.
pub(super) fn live_hpa(trial: &TrialReport, page: &mut Paint) {
    if trial.autoscalers.is_empty() {
        return;
    }
    page.gap();
    page.heading("the live autoscaler and the model of it");
    for autoscaler in &trial.autoscalers {
        page.wrapped(2, &format!("{}: {}", autoscaler.operation, autoscaler.sentence()));
        let differing = autoscaler.looks.iter().filter(|look| look.differs());
        for line in looks(differing, LINES) {
            page.line(&line);
        }
    }
}

fn looks<'a>(looks: impl Iterator<Item = &'a LiveLook>, most: usize) -> Vec<String> {
    let (shown, left) = listed(looks, most);
    if shown.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![COLUMNS.map(str::to_owned).to_vec()];
    cells.extend(shown.into_iter().map(LiveLook::row));
    let mut lines = grid(&cells, &[0, 1, 2, 3, 4, 5]);
    lines.extend(Some(left).filter(|left| !left.is_empty()));
    lines
}
