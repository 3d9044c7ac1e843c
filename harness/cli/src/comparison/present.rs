//! A comparison as text, page and JSON.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tally_capture::write_documents;
use tally_reports::{Comparison, Contestant, comparison_html, comparison_text};

use super::gather::{Gathered, gather};
use crate::exit::Exit;
use crate::output::Output;

/// The files of a comparison.
pub(crate) const PAGE: &str = "comparison.html";

/// Compares what was gathered, prints the text and writes the page, the text and the JSON into `directory`.
pub(crate) fn present(gathered: &Gathered, directory: &Path, output: &Output) -> (Exit, Value) {
    for missing in &gathered.left_out {
        output.note(&format!("left out: {}: {}", missing.wanted, missing.problem));
    }
    if gathered.arms.len() < 2 {
        let help = "name two runs or more; runs with the same settings are trials of one arm unless they have labels: a=RUN b=RUN";
        output.error("there is only one arm to compare", Some(help));
        return (Exit::BadInput, Value::Null);
    }
    let comparison = match Comparison::of(&gathered.arms, gathered.interleaved) {
        Ok(comparison) => comparison,
        Err(unfair) => {
            for problem in &unfair.problems {
                output.error(&format!("not comparable: {problem}"), None);
            }
            output.note("Nothing was compared: arms must share workload, phases, faults, bounds, replicas, service times and limits.");
            return (Exit::Inconclusive, Value::Null);
        }
    };
    output.line(&comparison_text(&comparison, 110, output.is_colored()));
    let document = serde_json::to_value(&comparison).unwrap_or_default();
    match write(&comparison, &gathered.arms, directory) {
        Ok(page) => {
            output.line(&format!("comparison: {}", page.display()));
            (Exit::Pass, document)
        }
        Err(problem) => {
            output.error(&problem, Some("is the disk full, or the place not writable?"));
            (Exit::Environment, document)
        }
    }
}

fn write(comparison: &Comparison, arms: &[Contestant], directory: &Path) -> Result<PathBuf, String> {
    let page = comparison_html(comparison, arms).map_err(|error| error.to_string())?;
    let json = serde_json::to_string_pretty(comparison).map_err(|error| error.to_string())?;
    let text = comparison_text(comparison, 110, false);
    let documents = [(PAGE, page), ("results.json", json + "\n"), ("summary.txt", text)];
    write_documents(directory, &documents).map_err(|error| error.to_string())?;
    Ok(directory.join(PAGE))
}

/// Compares the trials of one comparison and writes into its own directory.
pub(crate) fn conclude(root: &Path, directory: &Path, output: &Output) -> (Exit, Value) {
    let name = directory.display().to_string();
    match gather(root, &[name]) {
        Ok(gathered) if gathered.arms.is_empty() => {
            output.note("no trial has results, so there is nothing to compare");
            (Exit::Inconclusive, Value::Null)
        }
        Ok(gathered) => present(&gathered, directory, output),
        Err(problems) => {
            for missing in problems {
                output.error(&format!("{}: {}", missing.wanted, missing.problem), None);
            }
            (Exit::Environment, Value::Null)
        }
    }
}
