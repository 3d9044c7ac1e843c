//! Queue depth per layer over time.

use tally_capture::Sample;
use tally_model::Operation;

use super::line::per_row;
use super::{Axis, Chart, Error, Ink, Key, Line, ROWS, Table, Timeline};
use crate::unit;

/// Visible messages per layer; none without samples.
pub(crate) fn depth(time: &Timeline, samples: &[Sample]) -> Result<Option<Chart>, Error> {
    if samples.is_empty() {
        return Ok(None);
    }
    let lines: Vec<Line> = Operation::ALL
        .into_iter()
        .map(|layer| {
            let point =
                |sample: &Sample| (sample.at as f64 / 1e9, Some(sample.visible[layer.index()] as f64));
            Line::straight(Ink::series(layer.index()), samples.iter().map(point).collect())
        })
        .collect();
    let deepest = Operation::ALL
        .into_iter()
        .flat_map(|layer| {
            samples
                .iter()
                .map(move |sample| (sample.visible[layer.index()], layer, sample.at))
        })
        .max_by_key(|(depth, _, _)| *depth);
    let highest = deepest.map_or(0, |(depth, _, _)| depth);
    let desc = match deepest {
        Some((depth, layer, at)) if depth > 0 => format!(
            "Tasks that wait in each layer. The deepest was {layer} with {} at {}.",
            unit::count(depth),
            unit::moment(at)
        ),
        _ => "Tasks that wait in each layer. None ever waited when a sample was taken.".into(),
    };
    Ok(Some(Chart {
        id: time.id("depth"),
        title: "Queue depth per layer".into(),
        desc,
        panels: vec![time.panel("", [220, 200], &Axis::counts(highest as f64), &lines, &[])?],
        keys: time.keys(
            Operation::ALL
                .into_iter()
                .map(|layer| Key::line(Ink::series(layer.index()), &format!("{} {layer}", layer.symbol()))),
        ),
        table: table(samples),
    }))
}

fn table(samples: &[Sample]) -> Table {
    let each = per_row(samples.len(), ROWS);
    let row = |group: &[Sample]| {
        let mut cells = vec![
            group
                .first()
                .map_or_else(String::new, |sample| unit::moment(sample.at)),
        ];
        cells.extend(Operation::ALL.map(|layer| {
            let most = group.iter().map(|sample| sample.visible[layer.index()]).max();
            unit::count(most.unwrap_or(0))
        }));
        let pending = group.iter().map(|sample| sample.pending).max();
        cells.push(unit::count(pending.unwrap_or(0)));
        cells
    };
    Table {
        head: ["at", "add", "sub", "mul", "div", "accepted, no outcome yet"]
            .map(str::to_owned)
            .to_vec(),
        rows: samples.chunks(each).map(row).collect(),
        note: if each > 1 {
            format!("One row is {each} samples; each number is the highest of them.")
        } else {
            String::new()
        },
    }
}
