//! Percentile curves: how latency, or the generator's lag, grows towards the slowest requests.

use tally_capture::{Quantiles, Summary};

use super::axis::SHARES;
use super::line::Point;
use super::{Axis, Chart, Error, Ink, Key, Line, Panel, Plot, Size, Table, Timeline};
use crate::phrase;
use crate::run_report::GeneratorFacts;
use crate::unit;

/// Windows that get a curve of their own if anything was answered in them.
const WINDOWS: [&str; 4] = ["always", "steady", "during", "after"];

/// Latency from the median to the slowest ten-thousandth, by window; none if nothing was answered.
pub(crate) fn percentiles(time: &Timeline, summary: &Summary) -> Result<Option<Chart>, Error> {
    let curves: Vec<(String, Quantiles)> = WINDOWS
        .into_iter()
        .filter_map(|name| summary.window(name))
        .filter(|window| window.latency.count > 0)
        // Without faults everything is steady, and the same curve twice would only hide one of them.
        .filter(|window| window.name != "steady" || !summary.faults.is_empty())
        .map(|window| (phrase::window(&window.name), window.latency))
        .collect();
    let Some((_, whole)) = curves.first() else {
        return Ok(None);
    };
    let desc = format!(
        "Half of the answers came within {}, 99 % within {}, the longest took {}. To the right: ever rarer requests.",
        unit::nanos(whole.p50),
        unit::nanos(whole.p99),
        unit::nanos(whole.max)
    );
    chart(time.id("curve"), "Latency by percentile", desc, &curves, None).map(Some)
}

/// The generator's lag beside its bound; none if nothing was sent.
pub(crate) fn lag(
    time: &Timeline,
    summary: &Summary,
    facts: &GeneratorFacts,
) -> Result<Option<Chart>, Error> {
    let Some(window) = summary.window("always").filter(|window| window.lag.count > 0) else {
        return Ok(None);
    };
    let mut curves = vec![("send lag".to_owned(), window.lag)];
    if window.latency.count > 0 {
        curves.push(("latency, for comparison".to_owned(), window.latency));
    }
    let desc = format!(
        "How late requests were sent. 99.9 % within {}, longest {}; the bound for the former is {}, so the trial is {}.",
        unit::nanos(facts.lag_p999),
        unit::nanos(facts.lag_max),
        unit::nanos(facts.bound),
        if facts.valid { "valid" } else { "void" }
    );
    chart(
        time.id("lag"),
        "Send lag of the generator",
        desc,
        &curves,
        Some(facts.bound),
    )
    .map(Some)
}

/// The percentiles of a curve; those that fewer than one request would decide are left out.
fn points(quantiles: &Quantiles) -> Vec<(&'static str, Point)> {
    let values = [
        quantiles.p50,
        quantiles.p75,
        quantiles.p90,
        quantiles.p95,
        quantiles.p99,
        quantiles.p999,
        quantiles.p9999,
    ];
    SHARES
        .into_iter()
        .zip(values)
        .filter(|((share, _), _)| phrase::decided(quantiles.count, *share))
        .map(|((share, name), value)| (name, (share, Some(value.max(1) as f64))))
        .collect()
}

/// The curve itself: the percentiles, and at its end the longest of n requests, which all but 1 in n were below.
fn curve(quantiles: &Quantiles) -> Vec<Point> {
    let mut curve: Vec<Point> = points(quantiles).into_iter().map(|(_, point)| point).collect();
    let last = 1.0 - 1.0 / quantiles.count.max(1) as f64;
    if (0.5..=0.9999).contains(&last) {
        curve.push((last, Some(quantiles.max.max(1) as f64)));
    }
    curve
}

fn chart(
    id: String,
    title: &str,
    desc: String,
    curves: &[(String, Quantiles)],
    bound: Option<u64>,
) -> Result<Chart, Error> {
    let lines: Vec<Line> = curves
        .iter()
        .enumerate()
        .map(|(n, (_, quantiles))| Line::straight(Ink::series(n), curve(quantiles)))
        .collect();
    let values = lines
        .iter()
        .flat_map(|line| line.points.iter().filter_map(|point| point.1));
    let y = Axis::durations(values.chain(bound.map(|bound| bound as f64)));
    let draw = |size: Size| {
        Plot {
            size,
            x: &Axis::nines(size.is_narrow()),
            y: &y,
            outside: &[],
            bands: &[],
            lines: &lines,
            marks: &[],
            level: bound.map(|bound| bound as f64),
        }
        .draw()
    };
    let mut keys: Vec<Key> = curves
        .iter()
        .enumerate()
        .map(|(n, (name, _))| Key::line(Ink::series(n), name))
        .collect();
    keys.extend(
        bound.map(|bound| Key::line(Ink::Bound, &format!("bound for 99.9 %: {}", unit::nanos(bound)))),
    );
    Ok(Chart {
        id,
        title: title.to_owned(),
        desc,
        panels: vec![Panel {
            label: String::new(),
            wide: draw(Size::wide(240))?,
            narrow: draw(Size::narrow(220))?,
        }],
        keys,
        table: table(curves),
    })
}

fn table(curves: &[(String, Quantiles)]) -> Table {
    let mut head = vec!["percentile".to_owned()];
    head.extend(curves.iter().map(|(name, _)| name.clone()));
    let known: Vec<Vec<(&str, Point)>> = curves.iter().map(|(_, quantiles)| points(quantiles)).collect();
    let row = |name: &'static str| {
        let cell = |points: &Vec<(&str, Point)>| {
            let found = points.iter().find(|(known, _)| *known == name);
            found
                .and_then(|(_, point)| point.1)
                .map_or_else(|| "too few".into(), |value| unit::nanos(value as u64))
        };
        let mut cells = vec![format!("{name} %")];
        cells.extend(known.iter().map(cell));
        cells
    };
    let mut rows: Vec<Vec<String>> = SHARES.into_iter().map(|(_, name)| row(name)).collect();
    let longest = curves.iter().map(|(_, quantiles)| unit::nanos(quantiles.max));
    rows.push(std::iter::once("longest".to_owned()).chain(longest).collect());
    Table {
        head,
        rows,
        note:
            "Percentiles that less than one request would decide are left out; a curve ends with the longest."
                .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However few requests there were, the worst of them is on the curve, and nothing is drawn that none decided.
    #[test]
    fn a_curve_ends_with_the_worst_request() {
        for (count, known) in [(2, 1), (100, 5), (454, 5), (9_999, 6)] {
            let quantiles = Quantiles {
                count,
                p50: 5,
                max: 77,
                ..Quantiles::default()
            };
            let curve = curve(&quantiles);
            assert_eq!(curve.len(), known + 1, "{count}");
            assert_eq!(curve.last().unwrap().1, Some(77.0), "{count}");
            assert!(curve.is_sorted_by(|a, b| a.0 <= b.0 + 1e-12), "{count}");
        }
    }
}
