//! The page of a comparison.

use serde::Serialize;
use tally_capture::Stage;

use super::fitting;
use super::page::Badge;
use crate::chart::{self, Chart, Trials};
use crate::compare::{
    Arm, Comparison, Contestant, Differing, Number, Pairing, Part, Verdict, compared, missing, short,
};
use crate::error::Error;
use crate::phrase::{self, Tone};
use crate::unit;

/// Most lines of lists.
const LINES: usize = 200;
/// How many arms get panels over time, most first: the first number with which the page is small enough is taken.
const CHARTED: [usize; 5] = [24, 12, 6, 3, 1];

#[derive(Debug, Serialize)]
struct Cell {
    value: String,
    /// The interval, or the range of the trials.
    spread: String,
    /// The difference from the first arm; empty for that arm.
    difference: String,
    badge: Option<Badge>,
    word: &'static str,
}

#[derive(Debug, Serialize)]
struct Page {
    name: String,
    title: String,
    sentences: Vec<String>,
    facts: Vec<(&'static str, String)>,
    numbers: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
    base: String,
    forest: Option<Chart>,
    latency: Chart,
    workers: Option<Chart>,
    left_out: usize,
    reaction: Option<Chart>,
    stages: Vec<String>,
    reached: Vec<(String, String, Vec<(String, String)>)>,
    part_head: Vec<String>,
    parts: Vec<Vec<String>>,
    setting_head: Vec<String>,
    fact_head: Vec<String>,
    settings: Vec<Vec<String>>,
    environment: Vec<Vec<String>>,
    calibration_head: [&'static str; 6],
    calibrations: Vec<Vec<String>>,
    notes: Vec<String>,
    trials: Vec<Vec<String>>,
}

/// One self-contained page about a comparison and the runs it was made of; the same runs give the same bytes.
///
/// # Errors
/// If a chart cannot be drawn or the page would be larger than [`crate::MOST_BYTES`]; both are bugs, for every part is bounded.
pub fn comparison_html(comparison: &Comparison, contestants: &[Contestant]) -> Result<String, Error> {
    fitting("compare.html", &CHARTED, |charted| {
        page(comparison, contestants, charted)
    })
}

fn page(comparison: &Comparison, contestants: &[Contestant], charted: usize) -> Result<Page, Error> {
    let entries = compared(contestants);
    let trials: Vec<Trials<'_>> = comparison
        .arms
        .iter()
        .zip(entries.iter().map(Vec::as_slice))
        .take(charted)
        .collect();
    let arms = &comparison.arms;
    Ok(Page {
        name: comparison.name.clone(),
        title: comparison.title.clone(),
        sentences: comparison.sentences.clone(),
        facts: facts(comparison, contestants),
        numbers: comparison
            .numbers
            .iter()
            .map(|number| number.name.clone())
            .collect(),
        rows: arms
            .iter()
            .enumerate()
            .take(LINES)
            .map(|(arm, _)| row(comparison, arm))
            .collect(),
        base: arms.first().map_or_else(String::new, |arm| arm.label.clone()),
        forest: chart::forest(comparison)?,
        latency: chart::latency_of_arms(&trials)?,
        workers: chart::workers(&trials)?,
        left_out: arms.len().saturating_sub(charted),
        reaction: chart::reaction(comparison)?,
        stages: stages(),
        reached: arms.iter().take(LINES).map(reached).collect(),
        part_head: part_head(),
        parts: arms.iter().take(LINES).map(parts).collect(),
        setting_head: head("setting", arms),
        fact_head: head("fact", arms),
        settings: comparison.settings.iter().take(LINES).map(differing).collect(),
        environment: comparison.environment.iter().take(LINES).map(differing).collect(),
        calibration_head: phrase::CALIBRATION,
        calibrations: comparison
            .calibrations
            .iter()
            .flat_map(phrase::calibration)
            .take(LINES)
            .collect(),
        notes: comparison.notes.iter().take(LINES).cloned().collect(),
        trials: arms.iter().flat_map(lines).take(LINES).collect(),
    })
}

fn facts(comparison: &Comparison, contestants: &[Contestant]) -> Vec<(&'static str, String)> {
    let mut targets: Vec<&str> = contestants
        .iter()
        .flat_map(|arm| arm.runs.iter().map(|run| run.target.as_str()))
        .collect();
    targets.sort_unstable();
    targets.dedup();
    let trials: Vec<usize> = comparison.arms.iter().map(|arm| arm.trials.len()).collect();
    let (least, most) = (trials.iter().min().copied(), trials.iter().max().copied());
    let count = match (least, most) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (least, most) => format!("{} to {}", least.unwrap_or(0), most.unwrap_or(0)),
    };
    let how = match comparison.pairing {
        Pairing::Paired => "paired by plan",
        Pairing::Unpaired => "not paired",
    };
    vec![
        ("experiment", comparison.name.clone()),
        ("target", targets.join(", ")),
        ("arms", comparison.arms.len().to_string()),
        ("trials per arm", format!("{count}, {how}")),
    ]
}

fn row(comparison: &Comparison, arm: usize) -> (String, Vec<Cell>) {
    let label = comparison.arms[arm].label.clone();
    (
        label,
        comparison
            .numbers
            .iter()
            .map(|number| cell(number, arm))
            .collect(),
    )
}

fn cell(number: &Number, arm: usize) -> Cell {
    let estimate = &number.arms[arm];
    let show = |value: f64| phrase::value(number.unit, value);
    let seen: Vec<f64> = estimate.values.iter().flatten().copied().collect();
    let range = || {
        let low = seen.iter().copied().reduce(f64::min)?;
        let high = seen.iter().copied().reduce(f64::max)?;
        (seen.len() > 1).then(|| format!("{} to {}", show(low), show(high)))
    };
    let spread = match estimate.interval {
        Some(interval) => format!("[{}, {}]", show(interval.low), show(interval.high)),
        None => range().unwrap_or_default(),
    };
    let found = number.differences[arm].as_ref();
    let tone = found.and_then(|found| match found.verdict {
        Verdict::Better => Some(Tone::Good),
        Verdict::Worse => Some(Tone::Bad),
        Verdict::NoDifferenceShown | Verdict::CannotTell => None,
    });
    Cell {
        value: estimate.median.map_or_else(|| "not seen".into(), show),
        spread,
        difference: found.map_or_else(String::new, |found| phrase::difference(number, found)),
        badge: tone
            .zip(found)
            .map(|(tone, found)| Badge::new(tone, phrase::verdict(found.verdict))),
        word: found
            .filter(|_| tone.is_none())
            .map_or("", |found| match found.verdict {
                // With one trial for every number the page says it once.
                Verdict::CannotTell if missing(found.trials) > 0 => "",
                verdict => phrase::verdict(verdict),
            }),
    }
}

fn stages() -> Vec<String> {
    let fixed = ["arm", "reacted"].map(str::to_owned);
    let later = Stage::ALL.iter().skip(1).map(|stage| stage.label().to_owned());
    fixed.into_iter().chain(later).collect()
}

/// The arm, how often it reacted, and of every stage the median and, if there were several scale-ups, the range.
fn reached(arm: &Arm) -> (String, String, Vec<(String, String)>) {
    let time = |nanos: f64| unit::nanos(nanos as u64);
    let cell = |stage: Stage| {
        let several = arm.reaction.at(stage).filter(|reached| reached.count > 1);
        let range = several.map(|reached| format!("{} to {}", time(reached.first), time(reached.last)));
        (phrase::reached(&arm.reaction, stage), range.unwrap_or_default())
    };
    (
        arm.label.clone(),
        format!("{} of {}", arm.reaction.answered, arm.reaction.episodes),
        Stage::ALL.into_iter().skip(1).map(cell).collect(),
    )
}

fn part_head() -> Vec<String> {
    let parts = Part::ALL.map(|part| part.label().to_owned());
    std::iter::once("arm".to_owned()).chain(parts).collect()
}

/// The arm and the median of every part of its delay.
fn parts(arm: &Arm) -> Vec<String> {
    let parts = Part::ALL.map(|part| phrase::part(&arm.reaction, part));
    std::iter::once(arm.label.clone()).chain(parts).collect()
}

fn head(first: &str, arms: &[Arm]) -> Vec<String> {
    std::iter::once(first.to_owned())
        .chain(arms.iter().map(|arm| arm.label.clone()))
        .collect()
}

fn differing(row: &Differing) -> Vec<String> {
    std::iter::once(row.name.clone())
        .chain(row.values.iter().cloned())
        .collect()
}

fn lines(arm: &Arm) -> impl Iterator<Item = Vec<String>> {
    arm.trials.iter().map(|trial| {
        let generator = if trial.valid { "on time" } else { "late: void" };
        vec![
            arm.label.clone(),
            trial.run.clone(),
            trial.seed.to_string(),
            short(&trial.plan).to_owned(),
            trial.verdict.clone(),
            generator.to_owned(),
        ]
    })
}
