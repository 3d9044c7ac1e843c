//! What was offered and what came of it, per second.

use tally_capture::Second;

use super::line::per_row;
use super::{Axis, Chart, Error, Ink, Key, Line, ROWS, Table, Timeline};
use crate::unit;

type Of = fn(&Second) -> u64;

/// Requests per second: offered, answered, refused, failed.
pub(crate) fn rates(time: &Timeline, seconds: &[Second]) -> Result<Chart, Error> {
    let all: [(&str, Of, Ink); 4] = [
        (
            "offered (due in that second)",
            |second| second.offered,
            Ink::Series(0),
        ),
        ("answers arriving", |second| second.completed, Ink::Series(2)),
        ("refused", |second| second.refused, Ink::Series(1)),
        (
            "failed or without an outcome",
            |second| second.failed,
            Ink::Series(3),
        ),
    ];
    let total = |of: Of| seconds.iter().map(of).sum::<u64>();
    let shown: Vec<_> = all
        .into_iter()
        .enumerate()
        .filter(|(n, (_, of, _))| *n < 2 || total(*of) > 0)
        .map(|(_, series)| series)
        .collect();
    let lines: Vec<Line> = shown
        .iter()
        .map(|(_, of, ink)| {
            let point = |second: &Second| (second.second as f64 + 0.5, Some(of(second) as f64));
            Line::straight(*ink, seconds.iter().map(point).collect())
        })
        .collect();
    let highest = shown
        .iter()
        .flat_map(|(_, of, _)| seconds.iter().map(of))
        .max()
        .unwrap_or(0);
    let y = Axis::counts(highest as f64);
    Ok(Chart {
        id: time.id("rates"),
        title: "Offered, answered and refused, per second".into(),
        desc: format!(
            "Requests per second. {} were due in all, {} of them answered, {} refused, {} failed or without an outcome.",
            unit::count(total(|second| second.offered)),
            unit::count(total(|second| second.answered)),
            unit::count(total(|second| second.refused)),
            unit::count(total(|second| second.failed)),
        ),
        panels: vec![time.panel("", [220, 200], &y, &lines, &[])?],
        keys: time.keys(shown.iter().map(|(name, _, ink)| Key::line(*ink, name))),
        table: table(seconds),
    })
}

fn table(seconds: &[Second]) -> Table {
    let each = per_row(seconds.len(), ROWS);
    let row = |group: &[Second]| {
        let sum = |of: Of| unit::count(group.iter().map(of).sum());
        vec![
            format!("{} s", group.first().map_or(0, |second| second.second)),
            sum(|second| second.offered),
            sum(|second| second.answered),
            sum(|second| second.completed),
            sum(|second| second.refused),
            sum(|second| second.failed),
        ]
    };
    Table {
        head: [
            "from",
            "offered",
            "of those answered",
            "answers arriving",
            "refused",
            "failed",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: seconds.chunks(each).map(row).collect(),
        note: if each > 1 {
            format!("One row is the sum of {each} seconds.")
        } else {
            String::new()
        },
    }
}
