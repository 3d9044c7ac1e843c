//! Workers per layer over time: sets that take tasks, sets that start, decisions, and sets becoming ready.

use tally_capture::Sample;
use tally_model::{Observation, Operation, Step};

use super::line::per_row;
use super::{Axis, Chart, Error, Ink, Key, Line, Mark, Panel, ROWS, Table, Timeline};
use crate::unit;

/// Most marks of one kind in one layer; the table and `events.jsonl` have the rest.
const MARKS: usize = 60;

/// One panel per layer that ever had a set; none without samples.
pub(crate) fn sets(
    time: &Timeline,
    samples: &[Sample],
    events: &[Observation],
) -> Result<Option<Chart>, Error> {
    let used = |layer: &Operation| {
        let at = layer.index();
        samples
            .iter()
            .any(|sample| sample.ready[at] + sample.starting[at] > 0)
    };
    let layers: Vec<Operation> = Operation::ALL.into_iter().filter(used).collect();
    if layers.is_empty() {
        return Ok(None);
    }
    let most = |layer: &Operation| {
        samples
            .iter()
            .map(|sample| sample.ready[layer.index()].max(sample.starting[layer.index()]))
            .max()
    };
    let decided = decisions(events)
        .map(|event| event.value.unwrap_or(0.0) as u32)
        .max();
    let highest = layers.iter().filter_map(most).chain(decided).max().unwrap_or(1);
    // Half a set of room above, for the marks.
    let y = Axis::counts(f64::from(highest) + 0.5);
    let panel = |layer: &Operation| -> Result<Panel, Error> {
        let line = |ink, of: fn(&Sample, usize) -> u32| {
            let point =
                |sample: &Sample| (sample.at as f64 / 1e9, Some(f64::from(of(sample, layer.index()))));
            Line::stepped(ink, samples.iter().map(point).collect())
        };
        let lines = [
            line(Ink::Series(0), |sample, at| sample.ready[at]),
            line(Ink::Series(1), |sample, at| sample.starting[at]),
        ];
        let label = format!("{} {layer}", layer.symbol());
        time.panel(&label, [130, 130], &y, &lines, &marks(*layer, samples, events))
    };
    Ok(Some(Chart {
        id: time.id("sets"),
        title: "Worker sets per layer".into(),
        desc: describe(&layers, samples, events),
        panels: layers.iter().map(panel).collect::<Result<_, _>>()?,
        keys: time.keys([
            Key::line(Ink::Series(0), "sets that take tasks"),
            Key::line(Ink::Series(1), "sets that are starting"),
            Key::mark(Ink::Decision, "triangle", "decision, at the number decided on"),
            Key::mark(Ink::Ready, "dot", "a set became ready"),
        ]),
        table: table(&layers, samples),
    }))
}

fn decisions(events: &[Observation]) -> impl Iterator<Item = &Observation> {
    events.iter().filter(|event| event.step == Step::Decision)
}

fn marks(layer: Operation, samples: &[Sample], events: &[Observation]) -> Vec<Mark> {
    let of = |step: Step| {
        events
            .iter()
            .filter(move |event| event.step == step && event.operation == Some(layer))
            .map(|event| (event.at.as_nanos(), event.value))
            .collect::<Vec<_>>()
    };
    let thinned = |marks: Vec<(u64, Option<f64>)>| {
        let every = per_row(marks.len(), MARKS);
        marks.into_iter().step_by(every)
    };
    let decided = thinned(of(Step::Decision)).map(|(at, value)| Mark {
        ink: Ink::Decision,
        at: at as f64 / 1e9,
        value: value.unwrap_or(0.0),
    });
    // Drawn on the line: the number of ready sets that the next sample saw.
    let ready_at = |at: u64| {
        let next = samples
            .partition_point(|sample| sample.at < at)
            .min(samples.len().saturating_sub(1));
        samples.get(next).map_or(0, |sample| sample.ready[layer.index()])
    };
    let ready = thinned(of(Step::SetReady)).map(|(at, _)| Mark {
        ink: Ink::Ready,
        at: at as f64 / 1e9,
        value: f64::from(ready_at(at)),
    });
    decided.chain(ready).collect()
}

fn range(low: u32, high: u32) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low} to {high}")
    }
}

fn describe(layers: &[Operation], samples: &[Sample], events: &[Observation]) -> String {
    let part = |layer: &Operation| {
        let of = || samples.iter().map(|sample| sample.ready[layer.index()]);
        format!(
            "{layer} {}",
            range(of().min().unwrap_or(0), of().max().unwrap_or(0))
        )
    };
    let parts: Vec<String> = layers.iter().map(part).collect();
    format!(
        "Sets that take tasks, lowest to highest: {}. {} scaling decisions.",
        parts.join(", "),
        unit::count(decisions(events).count() as u64)
    )
}

fn table(layers: &[Operation], samples: &[Sample]) -> Table {
    let each = per_row(samples.len(), ROWS);
    let mut head = vec!["at".to_owned()];
    for layer in layers {
        head.push(format!("{layer} ready"));
        head.push(format!("{layer} starting"));
    }
    let row = |group: &[Sample]| {
        let mut cells = vec![
            group
                .first()
                .map_or_else(String::new, |sample| unit::moment(sample.at)),
        ];
        for layer in layers {
            let ready = || group.iter().map(|sample| sample.ready[layer.index()]);
            let (low, high) = (ready().min().unwrap_or(0), ready().max().unwrap_or(0));
            cells.push(range(low, high));
            let starting = group.iter().map(|sample| sample.starting[layer.index()]).max();
            cells.push(starting.unwrap_or(0).to_string());
        }
        cells
    };
    Table {
        head,
        rows: samples.chunks(each).map(row).collect(),
        note: if each > 1 {
            format!("One row is {each} samples; of starting sets, the most.")
        } else {
            String::new()
        },
    }
}
