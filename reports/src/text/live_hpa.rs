//! Live autoscalers beside the model of them.

use super::grid::grid;
use super::paint::Paint;
use crate::clean::clean;
use crate::live_hpa::{COLUMNS, LiveAutoscaler, LiveLook};
use crate::run_report::TrialReport;

/// Most looks listed per autoscaler.
const LINES: usize = 8;

/// What came of each autoscaler, and below it at most `most` of its looks.
pub fn hpa_text(autoscalers: &[LiveAutoscaler], most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for autoscaler in autoscalers {
        let said = format!("{}: {}", autoscaler.operation, autoscaler.sentence());
        lines.push(clean(&said));
        lines.extend(looks(autoscaler, most, |_| true));
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
        for line in looks(autoscaler, LINES, LiveLook::differs) {
            page.line(&line);
        }
    }
}

fn looks(autoscaler: &LiveAutoscaler, most: usize, chosen: impl Fn(&LiveLook) -> bool) -> Vec<String> {
    let rows = autoscaler.looks.iter().filter(|look| chosen(look));
    let rows: Vec<Vec<String>> = rows.take(most).map(LiveLook::row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![COLUMNS.map(str::to_owned).to_vec()];
    cells.extend(rows);
    grid(&cells, &[0, 1, 2, 3, 4, 5])
}
