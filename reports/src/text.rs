//! The summary for a terminal: verdict first, then what it rests on.

mod compare;
mod faults;
mod grid;
mod live_hpa;
mod paint;
mod policies;
mod reaction;

use tally_capture::WindowSummary;

use crate::phrase::{self, Tone};
use crate::run_report::{ExpectationLine, RunReport, TrialReport};
use crate::unit;
pub use compare::comparison_text;
use grid::grid;
pub use live_hpa::hpa_text;
use paint::Paint;
pub use policies::policies_text;

/// Most lines of lists that the caller fills, and of windows.
const LINES: usize = 40;
/// Most trials shown line by line.
const TRIALS: usize = 20;

/// A summary of at most `width` columns where words can be wrapped; with `color`, ANSI colours for symbols and headings. Symbols
/// never stand without their word.
pub fn text(report: &RunReport, width: usize, color: bool) -> String {
    let mut page = Paint::new(width.clamp(40, 200), color);
    head(report, &mut page);
    expectations(report, &mut page);
    latency(report, &mut page);
    for trial in report.trials.iter().take(TRIALS) {
        let several = report.trials.len() > 1;
        if several {
            page.gap();
            page.heading(&format!("trial {}", trial.number));
        }
        one(trial, &mut page);
    }
    if report.trials.len() > TRIALS {
        page.line(&format!("and {} more trials", report.trials.len() - TRIALS));
    }
    faults::gaps(report, &mut page);
    tail(report, &mut page);
    page.finish()
}

fn head(report: &RunReport, page: &mut Paint) {
    let counted = phrase::expectations(report);
    page.verdict(
        Tone::of_verdict(&report.verdict),
        &report.verdict,
        &counted,
        &format!("exit {}", report.exit_code),
    );
    page.wrapped(2, &report.sentence);
    page.wrapped(
        2,
        &format!(
            "run {}   seed {}   target {}   plan {}",
            report.run_id, report.seed, report.target, report.plan
        ),
    );
}

fn expectations(report: &RunReport, page: &mut Paint) {
    if report.expectations.is_empty() {
        return;
    }
    page.gap();
    page.heading("expectations");
    let lines = report.expectations.iter().take(LINES);
    // Long conditions stand alone, what was measured under them, so that they do not tear the columns apart.
    let long = |line: &ExpectationLine| line.text.chars().count() > grid::WIDEST;
    let cells: Vec<Vec<String>> = lines
        .clone()
        .map(|line| {
            if long(line) {
                return vec![marked(line)];
            }
            vec![marked(line), line.text.clone(), line.shown.clone(), over(line)]
        })
        .collect();
    let widest = lines
        .clone()
        .map(|line| marked(line).chars().count())
        .max()
        .unwrap_or(0);
    for (line, row) in lines.zip(grid(&cells, &[])) {
        let tone = Tone::of(line.held);
        if long(line) {
            let pad = widest.saturating_sub(marked(line).chars().count()) + 2;
            page.toned(
                tone,
                phrase::held(line),
                &format!("{}{}", " ".repeat(pad), line.text),
            );
            page.wrapped(widest + 4, &format!("{}  {}", line.shown, over(line)));
        } else {
            page.row(tone, &marked(line), &row);
        }
    }
    if report.expectations.len() > LINES {
        page.line(&format!("and {} more", report.expectations.len() - LINES));
    }
}

fn marked(line: &ExpectationLine) -> String {
    format!("{} {}", Tone::of(line.held).icon(), phrase::held(line))
}

/// The window of an expectation, if it is not the whole measurement.
fn over(line: &ExpectationLine) -> String {
    let when = phrase::window(&line.when);
    if when == phrase::window("") {
        String::new()
    } else {
        when
    }
}

/// One row per window, or per trial if there are several.
fn latency(report: &RunReport, page: &mut Paint) {
    let several = report.trials.len() > 1;
    let rows: Vec<(String, &WindowSummary)> = if several {
        let row = |trial: &'_ TrialReport| format!("trial {}", trial.number);
        report
            .trials
            .iter()
            .take(TRIALS)
            .filter_map(|trial| Some((row(trial), trial.summary.window("")?)))
            .collect()
    } else {
        let windows = report.trials.iter().flat_map(|trial| &trial.summary.windows);
        windows
            .filter(|window| window.counts.offered > 0)
            // What lies between single faults is on the page.
            .filter(|window| !window.name.starts_with("before:") && !window.name.starts_with("after:"))
            // The same numbers under a second name tell nothing.
            .filter(|window| {
                !matches!(window.name.as_str(), "steady" | "before") || !report.trials[0].faults.is_empty()
            })
            .take(LINES)
            .map(|window| (phrase::window(&window.name), window))
            .collect()
    };
    if rows.is_empty() {
        return;
    }
    // A narrow terminal gets the columns that people ask for first.
    let all = ["", "offered", "answered", "p50", "p90", "p99", "p99.9", "longest"];
    let chosen: &[usize] = if page.width() < 90 {
        &[0, 2, 3, 5, 7]
    } else {
        &[0, 1, 2, 3, 4, 5, 6, 7]
    };
    let mut cells: Vec<Vec<String>> = vec![all.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|(name, window)| numbers(name, window)));
    let cells: Vec<Vec<String>> = cells
        .into_iter()
        .map(|row| {
            chosen
                .iter()
                .filter_map(|column| row.get(*column).cloned())
                .collect()
        })
        .collect();
    page.gap();
    page.heading("latency, from due to answered");
    for row in grid(&cells, &[1, 2, 3, 4, 5, 6, 7]) {
        page.line(&row);
    }
}

fn numbers(name: &str, window: &WindowSummary) -> Vec<String> {
    let quantiles = window.latency;
    let time = |share: f64, nanos: u64| phrase::percentile(quantiles.count, share, nanos);
    vec![
        name.to_owned(),
        unit::count(window.counts.offered),
        unit::share(window.counts.answered, window.counts.offered),
        time(0.5, quantiles.p50),
        time(0.9, quantiles.p90),
        time(0.99, quantiles.p99),
        time(0.999, quantiles.p999),
        time(0.0, quantiles.max),
    ]
}

fn one(trial: &TrialReport, page: &mut Paint) {
    page.gap();
    if trial.summary.torn {
        page.toned(
            Tone::Doubtful,
            "cut short",
            ": the history ends in the middle, so this is a prefix",
        );
    }
    sparks(trial, page);
    requests(trial, page);
    reaction::reaction(trial, page);
    live_hpa::live_hpa(trial, page);
    faults::ledger(trial, page);
    correctness(trial, page);
    generator(trial, page);
    if !trial.memory.is_empty() {
        let cells: Vec<Vec<String>> = trial
            .memory
            .iter()
            .take(LINES)
            .map(|memory| vec![memory.label.clone(), unit::bytes(memory.bytes)])
            .collect();
        page.gap();
        page.heading("memory, resident at most");
        for row in grid(&cells, &[1]) {
            page.line(&row);
        }
    }
}

/// Two lines that show where things went wrong.
fn sparks(trial: &TrialReport, page: &mut Paint) {
    let room = page.width().saturating_sub(40).clamp(10, 60);
    let seconds = &trial.summary.seconds;
    let longest = seconds.iter().map(|second| second.p99).max().unwrap_or(0);
    if longest > 0 {
        let values: Vec<u64> = seconds.iter().map(|second| second.p99).collect();
        page.line(&format!(
            "p99 per second   {}  up to {}",
            grid::spark(&values, room),
            unit::nanos(longest)
        ));
    }
    let depths: Vec<u64> = trial
        .samples
        .iter()
        .map(|sample| sample.visible.iter().sum())
        .collect();
    if let Some(deepest) = depths.iter().max().filter(|depth| **depth > 0) {
        page.line(&format!(
            "tasks waiting    {}  up to {}",
            grid::spark(&depths, room),
            unit::count(*deepest)
        ));
    }
}

fn requests(trial: &TrialReport, page: &mut Paint) {
    let Some(window) = trial.summary.window("") else {
        return;
    };
    let counts = window.counts;
    let mut parts = vec![
        format!("{} offered", unit::count(counts.offered)),
        format!("{} accepted", unit::count(counts.accepted)),
        format!("{} answered", unit::count(counts.answered)),
        format!("{} refused", unit::count(counts.refused)),
    ];
    for (count, name) in [
        (counts.failed, "failed"),
        (counts.timeout, "without an outcome"),
        (counts.late, "sent late"),
        (counts.dropped, "never sent"),
        (counts.recovered, "answered after a retry"),
    ] {
        if count > 0 {
            parts.push(format!("{} {name}", unit::count(count)));
        }
    }
    page.wrapped(2, &format!("requests: {}", parts.join(", ")));
}

fn correctness(trial: &TrialReport, page: &mut Paint) {
    page.gap();
    page.heading("correctness");
    let Some(found) = &trial.correctness else {
        page.toned(Tone::Doubtful, "not checked", "");
        return;
    };
    let overdue = (found.overdue > 0).then_some((found.overdue, "overdue"));
    let counts = [
        (found.lost, "lost"),
        (found.wrong, "wrong"),
        (found.duplicated, "duplicated"),
        (found.conflicting, "conflicting"),
        (found.unexpected, "unexpected"),
        (found.non_monotonic, "non-monotonic"),
    ];
    let counts: Vec<_> = counts.into_iter().chain(overdue).collect();
    let flaws: u64 = found.flaws.values().sum();
    let clean = counts.iter().all(|(count, _)| *count == 0) && flaws == 0;
    let parts: Vec<String> = counts
        .iter()
        .map(|(count, name)| format!("{} {name}", unit::count(*count)))
        .collect();
    let tone = if clean { Tone::Good } else { Tone::Bad };
    let word = if clean { "clean" } else { "broken" };
    page.toned(
        tone,
        word,
        &format!(
            ": of {} accepted, {}",
            unit::count(found.accepted),
            parts.join(", ")
        ),
    );
    let tone = if flaws > 0 {
        Tone::Bad
    } else if found.certificates_total == 0 {
        Tone::Doubtful
    } else {
        Tone::Good
    };
    page.toned(
        tone,
        "certificates",
        &format!(
            ": {} of {} audited, {} flawed",
            unit::count(found.certificates_audited),
            unit::count(found.certificates_total),
            unit::count(flaws)
        ),
    );
    for gap in found.gaps.iter().take(5) {
        page.toned(Tone::Doubtful, "gap", &format!(" in the record: {gap}"));
    }
    for example in found.examples.iter().take(5) {
        page.line(&format!("  {example}"));
    }
}

fn generator(trial: &TrialReport, page: &mut Paint) {
    let facts = &trial.generator;
    let (tone, word) = if facts.valid {
        (Tone::Good, "on time")
    } else {
        (Tone::Doubtful, "late, trial void")
    };
    page.gap();
    page.heading("generator");
    page.toned(
        tone,
        word,
        &format!(
            ": send lag p50 {}, p99 {}, p99.9 {} (bound {}), longest {}",
            unit::nanos(facts.lag_p50),
            unit::nanos(facts.lag_p99),
            unit::nanos(facts.lag_p999),
            unit::nanos(facts.bound),
            unit::nanos(facts.lag_max)
        ),
    );
    for line in phrase::agents(facts) {
        page.line(&line);
    }
}

fn tail(report: &RunReport, page: &mut Paint) {
    if !report.warnings.is_empty() {
        page.gap();
        page.heading(&format!("warnings ({})", report.warnings.len()));
        for warning in report.warnings.iter().take(LINES) {
            page.wrapped(2, &format!("! {} {}", warning.text, warning.remedy));
        }
    }
    if !report.next.is_empty() || !report.repro.is_empty() {
        page.gap();
    }
    for command in report.next.iter().take(LINES) {
        page.line(&format!("next:  {command}"));
    }
    if !report.repro.is_empty() {
        page.line(&format!("repro: {}", report.repro));
    }
}
