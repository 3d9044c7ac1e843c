//! `tally validate FILE...`.

use std::path::Path;

use serde_json::json;
use tally_model::Diagnostic;
use tally_plan::Experiment;

use crate::args::Validate;
use crate::exit::Exit;
use crate::output::Output;

/// Checks every file and tells every problem of each.
pub(crate) fn run(args: &Validate, output: &Output) -> Exit {
    let mut exit = Exit::Pass;
    let mut names = Vec::new();
    for file in &args.files {
        match load(file, &[], output) {
            Ok((_, experiment)) => {
                output.line(&format!("ok     {}  ({})", file.display(), experiment.title));
                names.push(experiment.name);
            }
            Err(worse) => exit = exit.worse(worse),
        }
    }
    if exit == Exit::Pass {
        output.document(&json!({ "valid": names }));
        output.note(&format!(
            "next: tally run {}",
            args.files
                .iter()
                .map(|file| file.display().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        ));
    }
    exit
}

/// An experiment and its text.
type Loaded = Result<(String, Experiment), Exit>;

/// Reads and parses an experiment file with overrides; problems are printed.
pub(crate) fn load(file: &Path, overrides: &[(String, String)], output: &Output) -> Loaded {
    load_by(tally_plan::parse_with, file, overrides, output)
}

/// Like [`load`], with what the file changes beside a live autoscaler.
pub(crate) fn load_live(file: &Path, overrides: &[(String, String)], output: &Output) -> Loaded {
    load_by(tally_plan::parse_live, file, overrides, output)
}

fn load_by(
    parse: fn(&str, &[(String, String)]) -> Result<Experiment, Vec<Diagnostic>>,
    file: &Path,
    overrides: &[(String, String)],
    output: &Output,
) -> Loaded {
    let name = file.display().to_string();
    let too_large = std::fs::metadata(file).is_ok_and(|meta| meta.len() > tally_plan::MAX_FILE_BYTES as u64);
    if too_large {
        output.error(
            &format!("{name} is larger than 1 MiB"),
            Some("an experiment is a page of text; is this the file?"),
        );
        return Err(Exit::BadInput);
    }
    let source = std::fs::read_to_string(file).map_err(|error| {
        output.error(
            &format!("{name} cannot be read: {error}"),
            Some("`tally init` writes one to start from; the catalog is in workloads/catalog"),
        );
        Exit::BadInput
    })?;
    match parse(&source, overrides) {
        Ok(experiment) => Ok((source, experiment)),
        Err(problems) => {
            output.diagnostics(&name, &source, &problems);
            output.note(&format!(
                "{} problem(s) in {name}. Nothing was run.",
                problems.len()
            ));
            Err(Exit::BadInput)
        }
    }
}
