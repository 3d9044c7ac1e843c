//! A comparison for a terminal.

use tally_capture::Stage;

use super::grid::grid;
use super::paint::Paint;
use crate::compare::{Comparison, Part};
use crate::phrase;
use crate::unit;

/// Most lines of lists.
const LINES: usize = 60;

/// A comparison of at most `width` columns where words can be wrapped.
pub fn comparison_text(comparison: &Comparison, width: usize, color: bool) -> String {
    let mut page = Paint::new(width.clamp(40, 200), color);
    page.heading(&comparison.title);
    for sentence in &comparison.sentences {
        page.wrapped(2, sentence);
    }
    values(comparison, &mut page);
    differences(comparison, &mut page);
    stages(comparison, &mut page);
    calibrations(comparison, &mut page);
    for (name, rows) in [
        ("what differs between the arms", &comparison.settings),
        ("environments differ", &comparison.environment),
    ] {
        if rows.is_empty() {
            continue;
        }
        page.gap();
        page.heading(name);
        for row in rows.iter().take(LINES) {
            let named = comparison.arms.iter().zip(&row.values);
            let shown: Vec<String> = named
                .map(|(arm, value)| format!("{value} on {}", arm.label))
                .collect();
            page.wrapped(2, &format!("{}: {}", row.name, shown.join(", ")));
        }
    }
    if !comparison.notes.is_empty() {
        page.gap();
        page.heading("to know");
        for note in comparison.notes.iter().take(LINES) {
            page.wrapped(2, note);
        }
    }
    page.finish()
}

/// One row per arm: the median of every number.
fn values(comparison: &Comparison, page: &mut Paint) {
    let trials = comparison.arms.first().map_or(0, |arm| arm.trials.len());
    let what = if trials > 1 {
        "medians of the trials"
    } else {
        "values of the trial"
    };
    let mut cells = vec![vec![String::new()]];
    cells[0].extend(comparison.numbers.iter().map(|number| number.name.clone()));
    for (index, arm) in comparison.arms.iter().enumerate().take(LINES) {
        let mut row = vec![arm.label.clone()];
        row.extend(comparison.numbers.iter().map(|number| {
            let median = number.arms.get(index).and_then(|estimate| estimate.median);
            median.map_or_else(|| "not seen".into(), |median| phrase::value(number.unit, median))
        }));
        cells.push(row);
    }
    page.gap();
    page.heading(what);
    // As many columns as fit, the others below.
    let mut from = 1;
    while from < cells[0].len() {
        let mut to = from + 1;
        let fits = |to: usize| {
            let lines = grid(&part(&cells, from, to), &[]);
            lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) + 2 <= page.width()
        };
        while to < cells[0].len() && fits(to + 1) {
            to += 1;
        }
        let right: Vec<usize> = (1..=to - from).collect();
        for line in grid(&part(&cells, from, to), &right) {
            page.line(&line);
        }
        from = to;
    }
}

/// The first column and those from `from` to before `to`.
fn part(cells: &[Vec<String>], from: usize, to: usize) -> Vec<Vec<String>> {
    let row = |row: &Vec<String>| {
        std::iter::once(row[0].clone())
            .chain(row[from..to].iter().cloned())
            .collect()
    };
    cells.iter().map(row).collect()
}

fn differences(comparison: &Comparison, page: &mut Paint) {
    let mut cells = Vec::new();
    for number in &comparison.numbers {
        for (arm, found) in comparison.arms.iter().zip(&number.differences) {
            let Some(found) = found else { continue };
            cells.push(vec![
                number.name.clone(),
                arm.label.clone(),
                phrase::difference(number, found),
                phrase::verdict(found.verdict).to_owned(),
                format!("n = {}", found.trials),
            ]);
        }
    }
    if cells.is_empty() {
        return;
    }
    let more = cells.len().saturating_sub(LINES);
    cells.truncate(LINES);
    page.gap();
    page.heading(&format!(
        "against {}, 95 % intervals in brackets",
        comparison.arms.first().map_or("", |arm| arm.label.as_str())
    ));
    for line in grid(&cells, &[]) {
        page.line(&line);
    }
    if more > 0 {
        page.line(&format!("and {} more in results.json", unit::count(more as u64)));
    }
}

/// One row per arm: the median time of every stage.
fn stages(comparison: &Comparison, page: &mut Paint) {
    if comparison.arms.iter().all(|arm| arm.reaction.episodes == 0) {
        return;
    }
    let mut head = vec![String::new(), "reacted".to_owned()];
    head.extend(Stage::ALL.iter().skip(1).map(|stage| stage.label().to_owned()));
    let mut cells = vec![head];
    for arm in comparison.arms.iter().take(LINES) {
        let mut row = vec![
            arm.label.clone(),
            format!("{} of {}", arm.reaction.answered, arm.reaction.episodes),
        ];
        let later = Stage::ALL.into_iter().skip(1);
        row.extend(later.map(|stage| phrase::reached(&arm.reaction, stage)));
        cells.push(row);
    }
    page.gap();
    page.heading("scaling reaction, median from the onset");
    let right: Vec<usize> = (1..10).collect();
    for line in grid(&cells, &right) {
        page.line(&line);
    }
    parts(comparison, page);
}

/// One row per arm: the median of every part of the delay.
fn parts(comparison: &Comparison, page: &mut Paint) {
    let mut cells = vec![vec![String::new()]];
    cells[0].extend(Part::ALL.map(|part| part.label().to_owned()));
    for arm in comparison.arms.iter().take(LINES) {
        let mut row = vec![arm.label.clone()];
        row.extend(Part::ALL.map(|part| phrase::part(&arm.reaction, part)));
        cells.push(row);
    }
    page.gap();
    page.heading("the parts of that delay, medians over the scale-ups that show both ends");
    for line in grid(&cells, &[1, 2, 3, 4, 5]) {
        page.line(&line);
    }
}

/// How far virtual time was off.
fn calibrations(comparison: &Comparison, page: &mut Paint) {
    if comparison.calibrations.is_empty() {
        return;
    }
    let mut cells = vec![phrase::CALIBRATION.map(str::to_owned).to_vec()];
    cells.extend(comparison.calibrations.iter().flat_map(phrase::calibration));
    cells.truncate(LINES);
    page.gap();
    page.heading("virtual time against what was measured");
    for line in grid(&cells, &[2, 3, 4]) {
        page.line(&line);
    }
}
