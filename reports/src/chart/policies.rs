//! Charts of policies: what each was judged to be, and its sets against demand, one small panel per policy.

use serde::Serialize;

use super::line::thin;
use super::rows::{Row, Rows};
use super::{Axis, Chart, Drawing, Error, Ink, Key, Line, Plot, Size, Table};
use crate::compare::Estimate;
use crate::policies::{BOUND, MEASURES, PolicyCase, Standing};
use crate::unit;

/// Groups that a curve of a small panel is thinned to.
const GROUPS: usize = 90;
/// Pixels of a small panel.
const HEIGHT: u32 = 130;
/// Places of V and K in [`MEASURES`].
const V: usize = 0;
const RATIO: usize = 3;

/// A chart of many small panels that stand side by side where there is room.
#[derive(Debug, Serialize)]
pub(crate) struct Multiples {
    pub id: String,
    pub title: String,
    pub desc: String,
    pub panels: Vec<(String, Drawing)>,
    pub keys: Vec<Key>,
}

/// V, and K by that of the clairvoyant, one row per policy.
pub(crate) fn judged(standings: &[Standing]) -> Result<Chart, Error> {
    let ends = |estimate: &Estimate| {
        let interval = estimate.interval.map(|interval| [interval.low, interval.high]);
        let ends = interval.into_iter().flatten();
        estimate.median.into_iter().chain(ends).collect::<Vec<f64>>()
    };
    let values = |measure: usize| {
        let all = standings.iter().map(move |standing| &standing.estimates[measure]);
        all.flat_map(ends).collect::<Vec<f64>>()
    };
    let rows = |measure: usize| -> Vec<Row> {
        let row = |standing: &Standing| {
            let estimate = &standing.estimates[measure];
            Row {
                name: standing.policy.clone(),
                interval: estimate.interval.map(|interval| (interval.low, interval.high)),
                dots: estimate
                    .median
                    .map(|median| (median, Ink::series(0)))
                    .into_iter()
                    .collect(),
                bars: Vec::new(),
            }
        };
        standings.iter().map(row).collect()
    };
    let violated = Axis::counts(values(V).into_iter().fold(1.0, f64::max));
    let mut panels = vec![
        Rows {
            rows: &rows(V),
            x: [&violated, &violated],
            shaded: None,
            upright: None,
        }
        .panel("V: windows in which the objective was missed, %")?,
    ];
    let ratios = values(RATIO);
    if !ratios.is_empty() {
        let factors = [false, true].map(|narrow| Axis::factors(ratios.iter().copied(), narrow));
        panels.push(
            Rows {
                rows: &rows(RATIO),
                x: [&factors[0], &factors[1]],
                shaded: None,
                upright: Some(1.0),
            }
            .panel(&format!("K: replica-seconds against the {BOUND}'s"))?,
        );
    }
    Ok(Chart {
        id: "judged".into(),
        title: "What each policy came to".into(),
        desc: "Above: how often the objective was missed. Below: what it cost. Left is better in both; a policy that is left in only \
               one of them has bought it with the other."
            .into(),
        panels,
        keys: vec![
            Key::mark(Ink::series(0), "dot", "median over seeds"),
            Key::line(Ink::Series(5), "95 % interval of the median, from six seeds on"),
        ],
        table: table(standings),
    })
}

/// Every number of every policy with its interval.
fn table(standings: &[Standing]) -> Table {
    let mut head = vec!["policy".to_owned()];
    head.extend(MEASURES.iter().map(|measure| measure.name.to_owned()));
    let row = |standing: &Standing| {
        let cells = standing.estimates.iter().map(|estimate| {
            let median = estimate.median.map_or_else(|| "-".into(), unit::digits);
            format!("{median}{}", bracketed(estimate))
        });
        std::iter::once(standing.policy.clone()).chain(cells).collect()
    };
    Table {
        head,
        rows: standings.iter().map(row).collect(),
        note: String::new(),
    }
}

/// ` [low, high]`, or nothing.
pub(crate) fn bracketed(estimate: &Estimate) -> String {
    let interval = estimate.interval.map(|interval| [interval.low, interval.high]);
    interval.map_or_else(String::new, |ends| {
        let [low, high] = ends.map(unit::digits);
        format!(" [{low}, {high}]")
    })
}

/// Sets against demand over time, one panel per policy on one scale.
pub(crate) fn workers_of_policies(index: usize, case: &PolicyCase) -> Result<Multiples, Error> {
    let curves = || {
        case.arms
            .iter()
            .flat_map(|arm| [&arm.curves.supply, &arm.curves.demand])
    };
    let points = || curves().flatten();
    let end = points().map(|point| point.0).fold(1.0, f64::max);
    let highest = points().map(|point| point.1).fold(1.0, f64::max);
    let size = Size::narrow(HEIGHT);
    let (x, y) = (Axis::time(end, size.time_ticks()), Axis::counts(highest + 0.5));
    let line = |ink, curve: &[(f64, f64)]| {
        let held: Vec<_> = curve.iter().map(|(at, value)| (*at, Some(*value))).collect();
        let last = curve.last().map(|(_, value)| (end, Some(*value)));
        let points: Vec<_> = thin(&held, GROUPS).into_iter().chain(last).collect();
        Line::stepped(ink, points)
    };
    let panel = |arm: &crate::policies::PolicyArm| {
        let lines = [
            line(Ink::series(0), &arm.curves.supply),
            line(Ink::series(1), &arm.curves.demand),
        ];
        let plot = Plot {
            size,
            x: &x,
            y: &y,
            outside: &[],
            bands: &[],
            lines: &lines,
            marks: &[],
            level: None,
        };
        Ok((arm.policy.clone(), plot.draw()?))
    };
    Ok(Multiples {
        id: format!("workers-{index}"),
        title: "Workers against demand over time".into(),
        desc: "The first seed, all layers together. Demand is the fewest sets with which at most 5 % of the tasks of each 5 s would have \
               been late, found by serving the same tasks with every fixed number of sets. Where it is above the sets, tasks are late."
            .into(),
        panels: case.arms.iter().map(panel).collect::<Result<_, Error>>()?,
        keys: vec![
            Key::line(Ink::series(0), "sets that serve"),
            Key::line(Ink::series(1), "demand"),
        ],
    })
}
