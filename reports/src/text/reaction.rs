//! Scale-ups in nine stages.

use super::grid::grid;
use super::paint::Paint;
use crate::phrase;
use crate::run_report::TrialReport;
use crate::unit;

/// Most scale-ups listed.
const LINES: usize = 12;

/// One row per scale-up, each stage counted from the onset.
pub(super) fn reaction(trial: &TrialReport, page: &mut Paint) {
    let all = &trial.summary.scale_ups;
    if all.is_empty() {
        return;
    }
    let mut cells = vec![phrase::stages()];
    cells.extend(all.iter().take(LINES).map(phrase::scale_up));
    // A narrow terminal gets what a user feels: when it was decided, when help came, when it was over.
    if page.width() < 105 {
        let felt = [0, 1, 2, 5, 9, 10];
        let chosen = |row: Vec<String>| felt.iter().filter_map(|at| row.get(*at).cloned()).collect();
        cells = cells.into_iter().map(chosen).collect();
    }
    page.gap();
    page.heading("scaling reaction, from the onset");
    for row in grid(&cells, &[2, 3, 4, 5, 6, 7, 8, 9, 10]) {
        page.line(&row);
    }
    if all.len() > LINES {
        page.line(&format!("and {} more", unit::count((all.len() - LINES) as u64)));
    }
}
