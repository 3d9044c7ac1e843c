//! From the names of stored runs and comparisons to arms.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tally_capture::{ComparisonReader, RunReader};
use tally_reports::{ComparedRun, Contestant};

/// A problem with one of the runs.
pub(crate) struct Missing {
    /// What was asked for.
    pub(crate) wanted: String,
    /// Why it cannot be compared.
    pub(crate) problem: String,
}

/// What stored runs come to.
pub(crate) struct Gathered {
    /// The arms, in the order in which they were named.
    pub(crate) arms: Vec<Contestant>,
    /// True if all of it is one comparison whose trials were played in turns.
    pub(crate) interleaved: bool,
    /// Trials of a comparison without results.
    pub(crate) left_out: Vec<Missing>,
}

/// One run with what it was named, if it was.
struct Found {
    label: Option<String>,
    run: ComparedRun,
}

/// Reads everything in `wanted`: runs and comparisons, each with or without `LABEL=` before it. Runs of one label, and runs without
/// one that have the same settings, are trials of one arm; if all are the same, each is an arm of its own.
///
/// # Errors
/// Every name that is not a run with results.
pub(crate) fn gather(root: &Path, wanted: &[String]) -> Result<Gathered, Vec<Missing>> {
    let (mut found, mut problems, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    let mut interleaved = wanted.len() == 1;
    for text in wanted {
        let (label, name) = match text.split_once('=') {
            Some((label, name)) if !label.is_empty() && !Path::new(text).exists() => (Some(label), name),
            _ => (None, text.as_str()),
        };
        match find(root, name, wanted.len() == 1) {
            Ok(Stored::Comparison(comparison)) => {
                found.extend(contained(&comparison, label, &mut left_out));
            }
            Ok(Stored::Run(run)) => {
                interleaved = false;
                let label = label.map(str::to_owned);
                found.push(Found { label, run: *run });
            }
            Err(problem) => problems.push(Missing {
                wanted: text.clone(),
                problem,
            }),
        }
    }
    if problems.is_empty() {
        Ok(Gathered {
            arms: arms(found),
            interleaved,
            left_out,
        })
    } else {
        Err(problems)
    }
}

/// What a name stands for.
enum Stored {
    Comparison(Box<ComparisonReader>),
    Run(Box<ComparedRun>),
}

/// A name alone is a comparison if there is one, because a run alone cannot be compared; among others it is a run if there is one.
fn find(root: &Path, name: &str, alone: bool) -> Result<Stored, String> {
    let comparison = || ComparisonReader::open(root, name).map_err(|error| error.to_string());
    if alone && let Some(found) = comparison()? {
        return Ok(Stored::Comparison(Box::new(found)));
    }
    read(root, name)
        .map(|run| Stored::Run(Box::new(run)))
        .or_else(|problem| {
            let found = comparison()?;
            found
                .map(|found| Stored::Comparison(Box::new(found)))
                .ok_or(problem)
        })
}

fn read(root: &Path, name: &str) -> Result<ComparedRun, String> {
    let run = RunReader::open(root, name).map_err(|error| error.to_string())?;
    ComparedRun::read(&run.id(), &run).map_err(|error| error.to_string())
}

/// The runs of a comparison, by arm; with a label, as arms of that name.
fn contained(comparison: &ComparisonReader, label: Option<&str>, left_out: &mut Vec<Missing>) -> Vec<Found> {
    let mut found = Vec::new();
    let record = comparison.record();
    // In the order of the arms, whatever the order in which they were played.
    for (index, arm) in record.arms.iter().enumerate() {
        let name = label.map_or_else(|| arm.label.clone(), |label| format!("{label} {}", arm.label));
        let mut trials: Vec<_> = record.trials.iter().filter(|trial| trial.arm == index).collect();
        trials.sort_by_key(|trial| trial.pair);
        for trial in trials {
            let place = comparison.run(trial);
            let shown = trial
                .run
                .as_ref()
                .map_or_else(String::new, |run| run.display().to_string());
            let run = place
                .ok_or_else(|| "it has no run directory".to_owned())
                .and_then(|place| {
                    RunReader::open(&place, &place.display().to_string()).map_err(|error| error.to_string())
                })
                .and_then(|run| ComparedRun::read(&shown, &run).map_err(|error| error.to_string()));
            match run {
                Ok(run) if !run.report.trials.is_empty() => found.push(Found {
                    label: Some(name.clone()),
                    run,
                }),
                run => left_out.push(Missing {
                    wanted: format!("{name}, trial {}", trial.pair),
                    problem: run.err().unwrap_or_else(|| "nothing was measured".to_owned()),
                }),
            }
        }
    }
    found
}

fn arms(found: Vec<Found>) -> Vec<Contestant> {
    let labels = labels(&found);
    let mut arms: Vec<Contestant> = Vec::new();
    for (found, label) in found.into_iter().zip(labels) {
        match arms.iter_mut().find(|arm| arm.label == label) {
            Some(arm) => arm.runs.push(found.run),
            None => arms.push(Contestant {
                label,
                runs: vec![found.run],
            }),
        }
    }
    arms
}

/// What each run is called: its label, else the policy, with whatever tells it from another arm of that policy.
fn labels(found: &[Found]) -> Vec<String> {
    let kinds: Vec<String> = found.iter().map(|found| kind(&found.run)).collect();
    let alike = found.iter().all(|found| found.label.is_none()) && kinds.iter().all(|kind| *kind == kinds[0]);
    if alike {
        return found.iter().map(|found| found.run.id.clone()).collect();
    }
    let mut named: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    let mut labels = Vec::new();
    for (found, kind) in found.iter().zip(&kinds) {
        if let Some(label) = &found.label {
            labels.push(label.clone());
            continue;
        }
        let of_policy = named.entry(found.run.scaler()).or_default();
        let place = of_policy.iter().position(|known| *known == kind);
        let place = place.unwrap_or_else(|| {
            of_policy.push(kind);
            of_policy.len() - 1
        });
        labels.push(match place {
            0 => found.run.scaler(),
            place => format!("{} ({})", found.run.scaler(), place + 1),
        });
    }
    labels
}

/// The settings of the platform without its seed: runs of the same kind are trials of the same thing.
fn kind(run: &ComparedRun) -> String {
    let mut platform = run.settings["platform"].clone();
    if let Value::Object(fields) = &mut platform {
        fields.remove("seed");
    }
    format!("{} {platform}", run.target)
}
