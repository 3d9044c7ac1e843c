//! What the template is given: the run as a whole.

use serde::Serialize;

use super::trial::{TrialPage, trial};
use crate::error::Error;
use crate::phrase::{self, Tone};
use crate::run_report::{RunReport, TrialReport};
use crate::unit;

/// Most lines of lists that the caller fills.
const LINES: usize = 200;

/// A symbol, its colour and its word.
#[derive(Debug, Serialize)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) word: String,
}

impl Badge {
    pub(super) fn new(tone: Tone, word: &str) -> Self {
        Self {
            class: tone.class(),
            icon: tone.icon(),
            word: word.to_owned(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Expectation {
    badge: Badge,
    text: String,
    when: String,
    shown: String,
}

/// One number in large letters.
#[derive(Debug, Serialize)]
struct Headline {
    name: &'static str,
    value: String,
    note: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Page {
    verdict: Badge,
    exit_code: u8,
    counted: String,
    name: String,
    title: String,
    sentence: String,
    facts: Vec<(&'static str, String)>,
    expectations: Vec<Expectation>,
    headlines: Vec<Headline>,
    warnings: Vec<(String, String, String)>,
    overview: Vec<Vec<String>>,
    trials: Vec<TrialPage>,
    left_out: usize,
    environment: Vec<(String, String)>,
    next: Vec<String>,
    repro: String,
}

/// The whole page, with charts of the first `charted` trials; the others are in the table of trials.
pub(super) fn page(report: &RunReport, charted: usize) -> Result<Page, Error> {
    let expectation = |line: &crate::ExpectationLine| Expectation {
        badge: Badge::new(Tone::of(line.held), phrase::held(line)),
        text: line.text.clone(),
        when: phrase::window(&line.when),
        shown: line.shown.clone(),
    };
    let warning =
        |warning: &crate::Warning| (warning.code.clone(), warning.text.clone(), warning.remedy.clone());
    Ok(Page {
        verdict: Badge::new(Tone::of_verdict(&report.verdict), &report.verdict),
        exit_code: report.exit_code,
        counted: phrase::expectations(report),
        name: report.name.clone(),
        title: report.title.clone(),
        sentence: report.sentence.clone(),
        facts: facts(report),
        expectations: report.expectations.iter().take(LINES).map(expectation).collect(),
        headlines: headlines(report),
        warnings: report.warnings.iter().take(LINES).map(warning).collect(),
        overview: overview(&report.trials),
        trials: report
            .trials
            .iter()
            .take(charted)
            .map(trial)
            .collect::<Result<_, _>>()?,
        left_out: report.trials.len().saturating_sub(charted),
        environment: report.environment.iter().take(LINES).cloned().collect(),
        next: report.next.iter().take(LINES).cloned().collect(),
        repro: report.repro.clone(),
    })
}

fn facts(report: &RunReport) -> Vec<(&'static str, String)> {
    vec![
        ("run", report.run_id.clone()),
        ("seed", report.seed.to_string()),
        ("target", report.target.clone()),
        ("plan", report.plan.clone()),
        ("trials", report.trials.len().to_string()),
    ]
}

/// The median over trials (the trial is the unit: requests of one trial are not independent), and the range if there are several.
fn over_trials(
    report: &RunReport,
    name: &'static str,
    of: impl Fn(&TrialReport) -> Option<f64>,
    show: impl Fn(f64) -> String,
) -> Headline {
    let mut values: Vec<f64> = report.trials.iter().filter_map(of).collect();
    values.sort_by(f64::total_cmp);
    let all = report.trials.len();
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        return Headline {
            name,
            value: "unknown".into(),
            note: "not seen".into(),
        };
    };
    let middle = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
    let note = match (all, values.len()) {
        (1, _) => String::new(),
        (_, known) if known == all => format!("median of {all} trials, {} to {}", show(*low), show(*high)),
        (_, known) => format!(
            "median of {known} of {all} trials, {} to {}",
            show(*low),
            show(*high)
        ),
    };
    Headline {
        name,
        value: show(middle),
        note,
    }
}

fn headlines(report: &RunReport) -> Vec<Headline> {
    let metric = |function: &'static str, name: &'static str| {
        move |trial: &TrialReport| trial.summary.metric(function, name, "", "")
    };
    let duration = |value: f64| unit::nanos(value as u64);
    let mut headlines = vec![
        over_trials(report, "half answered within", metric("p50", "latency"), duration),
        over_trials(report, "99 % answered within", metric("p99", "latency"), duration),
        over_trials(report, "longest", metric("max", "latency"), duration),
        over_trials(report, "answered per second", metric("", "goodput"), unit::digits),
    ];
    let sum = |of: fn(&tally_capture::Counts) -> u64| {
        let windows = report.trials.iter().filter_map(|trial| trial.summary.window(""));
        windows.map(|window| of(&window.counts)).sum::<u64>()
    };
    let (offered, answered) = (sum(|counts| counts.offered), sum(|counts| counts.answered));
    headlines.push(Headline {
        name: "answered",
        value: unit::share(answered, offered),
        note: format!("{} of {} offered", unit::count(answered), unit::count(offered)),
    });
    if report.trials.iter().any(|trial| !trial.faults.is_empty()) {
        for (name, metric_name) in [
            ("slowest to notice a fault", "time_to_detect"),
            ("slowest to make up for one", "time_to_recover"),
            ("longest without an answer in a fault", "answer_gap"),
        ] {
            headlines.push(over_trials(report, name, metric("", metric_name), duration));
        }
    }
    headlines
}

/// One row per trial, if there are several.
fn overview(trials: &[TrialReport]) -> Vec<Vec<String>> {
    if trials.len() < 2 {
        return Vec::new();
    }
    let row = |trial: &TrialReport| {
        let window = trial.summary.window("");
        let counts = window.map(|window| window.counts).unwrap_or_default();
        let latency = window.map(|window| window.latency).unwrap_or_default();
        vec![
            trial.number.to_string(),
            unit::count(counts.offered),
            unit::share(counts.answered, counts.offered),
            unit::nanos(latency.p50),
            unit::nanos(latency.p99),
            unit::nanos(latency.max),
            trial.faults.len().to_string(),
            if trial.generator.valid { "valid" } else { "void" }.to_owned(),
        ]
    };
    trials.iter().take(LINES).map(row).collect()
}
