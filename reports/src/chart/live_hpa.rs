//! A live autoscaler and the model of it: what both wanted, look by look.

use super::{Axis, Chart, Error, Ink, Key, Line, Mark, ROWS, Table, Timeline};
use crate::live_hpa::{COLUMNS, LiveAutoscaler, LiveLook, listed};

/// Pods wanted over time; none if it never looked.
pub(crate) fn live_hpa(time: &Timeline, autoscaler: &LiveAutoscaler) -> Result<Option<Chart>, Error> {
    let looks = drawn(&autoscaler.looks);
    if looks.is_empty() {
        return Ok(None);
    }
    let seconds = |look: &LiveLook| (look.at.max(0) as f64 / 1e9).min(time.end);
    let line = |ink, of: fn(&LiveLook) -> Option<i32>| {
        let mut points: Vec<_> = looks
            .iter()
            .map(|look| (seconds(look), of(look).map(f64::from)))
            .collect();
        // What was wanted last is wanted until the end.
        points.extend(looks.last().map(|look| (time.end, of(look).map(f64::from))));
        Line::stepped(ink, points)
    };
    let lines = [
        line(Ink::Series(0), |look| look.live),
        line(Ink::Series(1), |look| look.model),
    ];
    let differing = looks.iter().filter(|look| look.differs()).map(|look| Mark {
        ink: Ink::Decision,
        at: seconds(look),
        value: f64::from(look.model.or(look.live).unwrap_or(0)),
    });
    let marks: Vec<Mark> = differing.collect();
    let most = looks
        .iter()
        .flat_map(|look| [look.live, look.model])
        .flatten()
        .max();
    let y = Axis::counts(f64::from(most.unwrap_or(1)) + 0.5);
    let layer = autoscaler.operation;
    Ok(Some(Chart {
        id: time.id(&format!("hpa-{layer}")),
        title: format!(
            "{} {layer}: pods wanted by the live autoscaler and by the model",
            layer.symbol()
        ),
        desc: "A step is a look after which the live one wanted another number, or the model would have."
            .into(),
        panels: vec![time.panel("", [130, 130], &y, &lines, &marks)?],
        keys: time.keys([
            Key::line(Ink::Series(0), "live"),
            Key::line(Ink::Series(1), "model"),
            Key::mark(Ink::Decision, "triangle", "a look that they decided differently"),
        ]),
        table: table(&autoscaler.looks),
    }))
}

/// The looks from the last one before the trial on.
fn drawn(looks: &[LiveLook]) -> &[LiveLook] {
    let before = looks.iter().take_while(|look| look.at < 0).count();
    &looks[before.saturating_sub(1)..]
}

/// Every look, or if there are too many, those that differ first of all.
fn table(looks: &[LiveLook]) -> Table {
    let (shown, note) = listed(looks.iter(), ROWS);
    Table {
        head: COLUMNS.map(str::to_owned).to_vec(),
        rows: shown.into_iter().map(LiveLook::row).collect(),
        note,
    }
}
