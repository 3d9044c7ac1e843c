//! The summary for a pull request: sentence, expectations and headline table.

use crate::clean::clean;
use crate::phrase::{self, Tone};
use crate::run_report::RunReport;
use crate::unit;

/// Most lines of a table.
const LINES: usize = 60;

/// A short summary in Markdown; strings from the run can neither leave their cell nor bring markup of their own.
pub fn markdown(report: &RunReport) -> String {
    let tone = Tone::of_verdict(&report.verdict);
    let mut out = format!(
        "## {} {}: {}\n\n{}\n\n",
        tone.icon(),
        plain(&report.verdict),
        phrase::expectations(report),
        plain(&report.sentence)
    );
    out.push_str(&format!(
        "Run {}, seed {}, target {}, plan {}.\n",
        plain(&report.run_id),
        report.seed,
        plain(&report.target),
        plain(&report.plan)
    ));
    if !report.expectations.is_empty() {
        out.push_str("\n| | expectation | measured | over |\n|---|---|---|---|\n");
        for line in report.expectations.iter().take(LINES) {
            row(
                &mut out,
                &[
                    format!("{} {}", Tone::of(line.held).icon(), phrase::held(line)),
                    plain(&line.text),
                    plain(&line.shown),
                    plain(&phrase::window(&line.when)),
                ],
            );
        }
    }
    latency(report, &mut out);
    faults(report, &mut out);
    for warning in report.warnings.iter().take(LINES) {
        out.push_str(&format!(
            "\n**Warning:** {} {}\n",
            plain(&warning.text),
            plain(&warning.remedy)
        ));
    }
    out
}

fn latency(report: &RunReport, out: &mut String) {
    if report.trials.is_empty() {
        return;
    }
    out.push_str("\n| trial | offered | answered | p50 | p99 | p99.9 | longest |\n|---:|---:|---:|---:|---:|---:|---:|\n");
    for trial in report.trials.iter().take(LINES) {
        let Some(window) = trial.summary.window("") else {
            continue;
        };
        row(
            out,
            &[
                trial.number.to_string(),
                unit::count(window.counts.offered),
                unit::share(window.counts.answered, window.counts.offered),
                phrase::percentile(window.latency.count, 0.5, window.latency.p50),
                phrase::percentile(window.latency.count, 0.99, window.latency.p99),
                phrase::percentile(window.latency.count, 0.999, window.latency.p999),
                phrase::percentile(window.latency.count, 0.0, window.latency.max),
            ],
        );
    }
}

fn faults(report: &RunReport, out: &mut String) {
    let all = || {
        report
            .trials
            .iter()
            .flat_map(|trial| trial.faults.iter().map(move |fault| (trial.number, fault)))
    };
    if all().next().is_none() {
        return;
    }
    out.push_str("\n| trial | fault | noticed | made up for | healed |\n|---:|---|---|---|---|\n");
    for (number, fault) in all().take(LINES) {
        row(
            out,
            &[
                number.to_string(),
                plain(&format!("{} ({})", fault.name, phrase::what(fault))),
                phrase::after(fault, fault.detected.as_ref()),
                phrase::after(fault, fault.recovered.as_ref()),
                phrase::after(fault, fault.healed.as_ref()),
            ],
        );
    }
}

fn row(out: &mut String, cells: &[String]) {
    out.push_str("| ");
    out.push_str(&cells.join(" | "));
    out.push_str(" |\n");
}

/// `text` as text: markup characters and the cell separator lose their meaning.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for character in clean(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '~' | '@' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}
