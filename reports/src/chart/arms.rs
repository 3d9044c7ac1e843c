//! Charts of a comparison over time: one panel per arm, on one scale.

use tally_capture::Second;

use super::line::Point;
use super::{Axis, Band, Chart, Error, Ink, Key, Line, Panel, Table, Timeline};
use crate::compare::{Arm, Entry, median, sets};
use crate::unit;

/// Points of a line that is made of several trials.
const GRID: usize = 240;
/// Most faults drawn behind a panel.
const BANDS: usize = 24;

/// The trials of one arm.
pub(crate) type Trials<'a> = (&'a Arm, &'a [Entry<'a>]);

/// The timeline that all trials of an arm share: faults and measure phase of the first, the longest end.
fn timeline(trials: &[Entry<'_>], end: f64) -> Timeline {
    let first = trials.first().map(|entry| entry.trial);
    let measured = first.and_then(|trial| trial.summary.window("")?.spans.first().copied());
    let outside = measured.map_or_else(Vec::new, |span| {
        let (from, to) = (span.from as f64 / 1e9, span.to as f64 / 1e9);
        let parts = [(0.0, from.min(end)), (to.min(end), end)];
        parts.into_iter().filter(|(from, to)| to - from > 0.001).collect()
    });
    let faults = first.map(|trial| trial.faults.as_slice()).unwrap_or_default();
    let bands = faults.iter().take(BANDS).enumerate();
    Timeline {
        trial: 0,
        end,
        outside,
        bands: bands.map(|(index, fault)| Band::of(index, fault, end)).collect(),
    }
}

/// The end of the longest trial of all arms, in seconds.
fn end(arms: &[Trials<'_>]) -> f64 {
    let trials = arms.iter().flat_map(|(_, entries)| entries.iter());
    let seconds = trials.map(|entry| entry.trial.summary.seconds.len() as f64);
    seconds.fold(1.0, f64::max).min(86_400.0)
}

/// The median over the trials of a number of every second; none where no trial has one.
fn middle(trials: &[Entry<'_>], of: fn(&Second) -> u64) -> Vec<Point> {
    let longest = trials
        .iter()
        .map(|entry| entry.trial.summary.seconds.len())
        .max()
        .unwrap_or(0);
    let point = |second: usize| {
        let seen = trials
            .iter()
            .filter_map(|entry| entry.trial.summary.seconds.get(second));
        let values: Vec<f64> = seen
            .map(of)
            .filter(|value| *value > 0)
            .map(|value| value as f64)
            .collect();
        (second as f64 + 0.5, median(&values))
    };
    (0..longest).map(point).collect()
}

/// Latency over time, one panel per arm on one scale.
pub(crate) fn latency(arms: &[Trials<'_>]) -> Result<Chart, Error> {
    let end = end(arms);
    let lines: Vec<[Line; 2]> = arms
        .iter()
        .map(|(_, trials)| {
            [
                Line::straight(Ink::series(0), middle(trials, |second| second.p50)),
                Line::straight(Ink::series(1), middle(trials, |second| second.p99)),
            ]
        })
        .collect();
    let values = lines
        .iter()
        .flatten()
        .flat_map(|line| line.points.iter().filter_map(|point| point.1));
    let y = Axis::durations(values);
    let height = panel_height(arms.len());
    let panel = |(arm, lines): (&Trials<'_>, &[Line; 2])| {
        timeline(arm.1, end).panel(&arm.0.label, height, &y, lines, &[])
    };
    let time = timeline(arms.first().map_or(&[], |(_, trials)| trials), end);
    Ok(Chart {
        id: "latency".into(),
        title: "Latency over time".into(),
        desc: "Answered requests by the second in which they were due, on one logarithmic scale for all arms; of several trials the \
               median of each second."
            .into(),
        panels: arms.iter().zip(&lines).map(panel).collect::<Result<_, _>>()?,
        keys: time.keys([Key::line(Ink::series(0), "p50"), Key::line(Ink::series(1), "p99")]),
        table: highest(arms, "p99 at most", &lines, 1, |value| unit::nanos(value as u64)),
    })
}

const fn panel_height(arms: usize) -> [u32; 2] {
    if arms > 6 { [110, 110] } else { [170, 160] }
}

/// One row per arm and at most twelve columns: the highest value of each stretch of time.
fn highest<const N: usize>(
    arms: &[Trials<'_>],
    what: &str,
    lines: &[[Line; N]],
    which: usize,
    show: impl Fn(f64) -> String,
) -> Table {
    let longest = lines
        .iter()
        .map(|lines| lines[which].points.len())
        .max()
        .unwrap_or(0);
    let each = longest.div_ceil(12).max(1);
    let starts: Vec<f64> = lines
        .iter()
        .max_by_key(|lines| lines[which].points.len())
        .map(|lines| {
            lines[which]
                .points
                .iter()
                .step_by(each)
                .map(|point| point.0.floor())
                .collect()
        })
        .unwrap_or_default();
    let mut head = vec![what.to_owned()];
    head.extend(starts.iter().map(|start| format!("from {start} s")));
    let row = |((arm, _), lines): (&Trials<'_>, &[Line; N])| {
        let most = |group: &[Point]| group.iter().filter_map(|point| point.1).max_by(f64::total_cmp);
        let cells = lines[which]
            .points
            .chunks(each)
            .map(|group| most(group).map_or_else(|| "none".into(), &show));
        std::iter::once(arm.label.clone()).chain(cells).collect()
    };
    Table {
        head,
        rows: arms.iter().zip(lines).map(row).collect(),
        note: String::new(),
    }
}

/// Worker sets against demand over time, one panel per arm.
pub(crate) fn workers(arms: &[Trials<'_>]) -> Result<Option<Chart>, Error> {
    if arms
        .iter()
        .all(|(_, trials)| trials.iter().all(|entry| entry.trial.samples.is_empty()))
    {
        return Ok(None);
    }
    let end = end(arms);
    let lines: Vec<[Line; 2]> = arms
        .iter()
        .map(|(_, trials)| {
            [
                Line::stepped(Ink::series(0), capacity(trials, end)),
                Line::stepped(Ink::series(1), demand(trials)),
            ]
        })
        .collect();
    let values = lines
        .iter()
        .flatten()
        .flat_map(|line| line.points.iter().filter_map(|point| point.1));
    // Half a set of room above, so that no line runs along the frame.
    let y = Axis::counts(values.fold(1.0, f64::max) + 0.5);
    let height = panel_height(arms.len());
    let panel = |(arm, lines): (&Trials<'_>, &[Line; 2])| -> Result<Panel, Error> {
        timeline(arm.1, end).panel(&arm.0.label, height, &y, lines, &[])
    };
    let time = timeline(arms.first().map_or(&[], |(_, trials)| trials), end);
    let demanded = lines.iter().any(|lines| !lines[1].points.is_empty());
    let mut keys = vec![Key::line(
        Ink::series(0),
        "worker sets that exist (ready or starting), all layers",
    )];
    keys.extend(demanded.then(|| {
        Key::line(
            Ink::series(1),
            "demand: sets that the requests due would keep busy",
        )
    }));
    Ok(Some(Chart {
        id: "workers".into(),
        title: "Workers against demand over time".into(),
        desc: "Where the demand is above the sets, tasks wait; where the sets are above the demand, they idle. Demand is what was due \
               in each second times the mean service time of its tasks; of several trials the median."
            .into(),
        panels: arms.iter().zip(&lines).map(panel).collect::<Result<_, _>>()?,
        keys: time.keys(keys),
        table: highest(arms, "sets at most", &lines, 0, unit::digits),
    }))
}

/// Sets over time on a grid, the median over trials.
fn capacity(trials: &[Entry<'_>], end: f64) -> Vec<Point> {
    let point = |step: usize| {
        let at = end * step as f64 / GRID as f64;
        let nanos = (at * 1e9) as u64;
        let values: Vec<f64> = trials
            .iter()
            .filter_map(|entry| {
                let samples = &entry.trial.samples;
                let next = samples.partition_point(|sample| sample.at <= nanos);
                // Beyond the last sample nothing is known.
                (next < samples.len()).then(|| sets(&samples[next.saturating_sub(1)]))
            })
            .collect();
        (at, median(&values))
    };
    (0..=GRID).map(point).collect()
}

/// Sets that the requests of each second keep busy: requests, times operations of a kind per request, times the mean service
/// time of that kind (Little's law). Empty without a service time.
fn demand(trials: &[Entry<'_>]) -> Vec<Point> {
    let Some(per_request) = trials.first().and_then(|entry| work_per_request(entry)) else {
        return Vec::new();
    };
    let points = middle(trials, |second| second.offered);
    let busy = |(at, offered): Point| (at - 0.5, Some(offered.unwrap_or(0.0) * per_request));
    points.into_iter().map(busy).collect()
}

/// Seconds of a set's time that one request takes on average; none if no task has a service time.
fn work_per_request(entry: &Entry<'_>) -> Option<f64> {
    let answered: u64 = entry
        .trial
        .summary
        .seconds
        .iter()
        .map(|second| second.answered)
        .sum();
    let work = &entry.run.settings["platform"]["work"];
    let seconds: f64 = entry
        .trial
        .summary
        .layers
        .iter()
        .filter_map(|layer| {
            let mean = crate::compare::duration(&work[layer.operation.index()]["mean"])?;
            let operations = layer.operations.unwrap_or(layer.compute.count);
            Some(operations as f64 * mean as f64 / 1e9)
        })
        .sum();
    (answered > 0 && seconds > 0.0).then(|| seconds / answered as f64)
}
