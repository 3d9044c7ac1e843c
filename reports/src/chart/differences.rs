//! Charts of a comparison with one row per arm: differences with their intervals, and the stages of the reaction.

use tally_capture::Stage;

use super::rows::{Row, Rows};
use super::{Axis, Chart, Error, Ink, Key, Table};
use crate::compare::{Arm, Comparison, Difference, NOISE, Number};
use crate::phrase;

/// The differences of every relative number as a forest plot, one panel per number; none if there is none.
pub(crate) fn forest(comparison: &Comparison) -> Result<Option<Chart>, Error> {
    let told = |number: &&Number| number.relative && number.differences.iter().any(Option::is_some);
    let numbers: Vec<&Number> = comparison.numbers.iter().filter(told).collect();
    let ends = |found: &Difference| {
        let interval = found.interval.map(|interval| [interval.low, interval.high]);
        let all = std::iter::once(found.estimate).chain(interval.into_iter().flatten());
        all.map(|ratio| 1.0 + ratio).collect::<Vec<f64>>()
    };
    let differences = numbers
        .iter()
        .flat_map(|number| number.differences.iter().flatten());
    let factors: Vec<f64> = differences.flat_map(ends).collect();
    if factors.is_empty() {
        return Ok(None);
    }
    let x = [false, true].map(|narrow| Axis::factors(factors.iter().copied(), narrow));
    let panel = |number: &&Number| {
        Rows {
            rows: &differing(&comparison.arms, number),
            x: [&x[0], &x[1]],
            shaded: Some((1.0 - NOISE, 1.0 + NOISE)),
            upright: Some(1.0),
        }
        .panel(&number.name)
    };
    let base = comparison.arms.first().map_or("", |arm| arm.label.as_str());
    Ok(Some(Chart {
        id: "forest".into(),
        title: format!("Differences against {base}"),
        desc: format!(
            "Each arm's number as a multiple of that of {base}. Left of the line is less, which is better here."
        ),
        panels: numbers.iter().map(panel).collect::<Result<_, _>>()?,
        keys: vec![
            Key::mark(Ink::series(0), "dot", "estimate"),
            Key::line(Ink::Series(5), "95 % interval, if there are trials enough"),
            Key {
                class: Ink::Outside.class("f"),
                shape: "area",
                text: "within 2 %: not called a difference".into(),
            },
        ],
        table: differences_table(&comparison.arms, &numbers),
    }))
}

/// A row for every arm that differs.
fn differing(arms: &[Arm], number: &Number) -> Vec<Row> {
    let row = |(arm, found): (&Arm, &Option<Difference>)| {
        let found = found.as_ref()?;
        Some(Row {
            name: arm.label.clone(),
            interval: found
                .interval
                .map(|interval| (1.0 + interval.low, 1.0 + interval.high)),
            dots: vec![(1.0 + found.estimate, Ink::series(0))],
            bars: Vec::new(),
        })
    };
    arms.iter().zip(&number.differences).filter_map(row).collect()
}

fn differences_table(arms: &[Arm], numbers: &[&Number]) -> Table {
    let mut rows = Vec::new();
    for number in numbers {
        for (arm, found) in arms.iter().zip(&number.differences) {
            let Some(found) = found else { continue };
            rows.push(vec![
                number.name.clone(),
                arm.label.clone(),
                phrase::difference(number, found),
                found.trials.to_string(),
            ]);
        }
    }
    Table {
        head: ["number", "arm", "difference", "trials"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        note: String::new(),
    }
}

/// The stages of the scale-ups of every arm, one bar each; none if no arm had one.
pub(crate) fn reaction(comparison: &Comparison) -> Result<Option<Chart>, Error> {
    let bar = |arm: &Arm| {
        let mut from = 0.0;
        let mut bars = Vec::new();
        for (index, stage) in Stage::ALL.into_iter().enumerate().skip(1).take(7) {
            if let Some(reached) = arm.reaction.at(stage) {
                let to = (reached.median / 1e9).max(from);
                bars.push((from, to, Ink::series(index - 1)));
                from = to;
            }
        }
        let drained = arm.reaction.at(Stage::BacklogDrained);
        let drained = drained.map(|reached| (reached.median / 1e9, Ink::Series(5)));
        Row {
            name: arm.label.clone(),
            interval: None,
            dots: drained.into_iter().collect(),
            bars,
        }
    };
    let rows: Vec<Row> = comparison.arms.iter().map(bar).collect();
    let ends = rows.iter().flat_map(|row| {
        row.bars
            .iter()
            .map(|bar| bar.1)
            .chain(row.dots.iter().map(|dot| dot.0))
    });
    let end = ends.fold(0.0, f64::max);
    if end <= 0.0 {
        return Ok(None);
    }
    let x = [Axis::span(end * 1.04, 8), Axis::span(end * 1.04, 3)];
    let panel = Rows {
        rows: &rows,
        x: [&x[0], &x[1]],
        shaded: None,
        upright: None,
    }
    .panel("")?;
    let bars = Stage::ALL.into_iter().enumerate().skip(1).take(7);
    let mut keys: Vec<Key> = bars
        .map(|(index, stage)| Key {
            class: Ink::series(index - 1).class("f"),
            shape: "area",
            text: format!("until {}", stage.label()),
        })
        .collect();
    keys.push(Key::mark(Ink::Series(5), "dot", "backlog drained"));
    Ok(Some(Chart {
        id: "reaction".into(),
        title: "From the onset to the first answer of a new set".into(),
        desc: "Medians over the scale-ups of all trials, in seconds from the first task of the surge. An arm without a bar for a stage \
               never came so far; what only some of its scale-ups reached has their number n in the table, and its median is of those."
            .into(),
        panels: vec![panel],
        keys,
        table: stages(&comparison.arms),
    }))
}

/// One row per stage, one column per arm.
fn stages(arms: &[Arm]) -> Table {
    let mut head = vec!["median from the onset".to_owned()];
    head.extend(arms.iter().map(|arm| arm.label.clone()));
    let row = |stage: Stage| {
        let cells = arms.iter().map(|arm| phrase::reached(&arm.reaction, stage));
        std::iter::once(stage.label().to_owned()).chain(cells).collect()
    };
    Table {
        head,
        rows: Stage::ALL.into_iter().skip(1).map(row).collect(),
        note: String::new(),
    }
}
