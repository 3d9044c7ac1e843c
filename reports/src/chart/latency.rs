//! Latency over time: median, 99th percentile and longest of every second.

use tally_capture::Second;

use super::line::{Point, per_row};
use super::{Axis, Chart, Error, Ink, Key, Line, ROWS, Table, Timeline};
use crate::unit;

/// Latency percentiles over time, on a logarithmic scale.
pub(crate) fn latency(time: &Timeline, seconds: &[Second]) -> Result<Chart, Error> {
    let series: [(&str, fn(&Second) -> u64); 3] = [
        ("p50", |second| second.p50),
        ("p99", |second| second.p99),
        ("longest", |second| second.max),
    ];
    let points = |of: fn(&Second) -> u64| -> Vec<Point> {
        let point = |second: &Second| {
            let value = of(second);
            // In the middle of its second; a second without answers has no latency.
            (second.second as f64 + 0.5, (value > 0).then_some(value as f64))
        };
        seconds.iter().map(point).collect()
    };
    let lines: Vec<Line> = series
        .iter()
        .enumerate()
        .map(|(n, (_, of))| Line::straight(Ink::series(n), points(*of)))
        .collect();
    let values = lines
        .iter()
        .flat_map(|line| line.points.iter().filter_map(|point| point.1));
    let y = Axis::durations(values);
    Ok(Chart {
        id: time.id("latency"),
        title: "Latency over time".into(),
        desc: describe(seconds),
        panels: vec![time.panel("", [300, 240], &y, &lines, &[])?],
        keys: time.keys(
            series
                .iter()
                .enumerate()
                .map(|(n, (name, _))| Key::line(Ink::series(n), name)),
        ),
        table: table(seconds),
    })
}

fn describe(seconds: &[Second]) -> String {
    let base = "Answered requests by the second in which they were due, from due to answered, on a logarithmic scale.";
    match seconds.iter().max_by_key(|second| second.max) {
        Some(worst) if worst.max > 0 => format!(
            "{base} The longest took {} and was due in second {}.",
            unit::nanos(worst.max),
            unit::count(worst.second)
        ),
        _ => format!("{base} Nothing was answered."),
    }
}

fn table(seconds: &[Second]) -> Table {
    let each = per_row(seconds.len(), ROWS);
    let row = |group: &[Second]| {
        let most = |of: fn(&Second) -> u64| {
            let value = group.iter().map(of).max().unwrap_or(0);
            if value == 0 {
                "none".into()
            } else {
                unit::nanos(value)
            }
        };
        vec![
            format!("{} s", group.first().map_or(0, |second| second.second)),
            most(|second| second.p50),
            most(|second| second.p99),
            most(|second| second.max),
        ]
    };
    Table {
        head: ["from", "p50", "p99", "longest"].map(str::to_owned).to_vec(),
        rows: seconds.chunks(each).map(row).collect(),
        note: if each > 1 {
            format!("One row is {each} seconds; each number is the highest of its seconds.")
        } else {
            String::new()
        },
    }
}
