//! `tally check RUN...`: the checker of today on histories of any day.

use serde_json::json;
use tally_capture::{Document, RunReader};

use crate::args::{Check, Global};
use crate::exit::Exit;
use crate::output::Output;

/// Checks every trial of every run again.
pub(crate) fn run(args: &Check, global: &Global, output: &Output) -> Exit {
    let mut exit = Exit::Pass;
    let mut reports = Vec::new();
    for wanted in &args.runs {
        let checked = RunReader::open(&global.runs_dir, wanted)
            .map_err(|error| (Exit::BadInput, error.to_string()))
            .and_then(|run| one(&run, args, output).map_err(|problem| (Exit::Environment, problem)));
        match checked {
            Ok((worse, report)) => {
                exit = exit.worse(worse);
                reports.push(report);
            }
            Err((worse, problem)) => {
                output.error(
                    &problem,
                    Some("runs are named `latest`, `burst/latest`, or by their path"),
                );
                exit = exit.worse(worse);
            }
        }
    }
    output.document(&reports);
    exit
}

fn one(run: &RunReader, args: &Check, output: &Output) -> Result<(Exit, serde_json::Value), String> {
    let mut options = tally_check::Options::default();
    if args.audit_all {
        options.audit = tally_check::AuditLimit::All;
    }
    let mut exit = Exit::Pass;
    let mut trials = Vec::new();
    for trial in run.trials().map_err(|error| error.to_string())? {
        let report = tally_check::check_trial(&trial, &options).map_err(|error| error.to_string())?;
        if report.safety == tally_check::Safety::Unsafe {
            exit = Exit::Unsafe;
        }
        output.line(&format!(
            "{} trial {}: {}",
            run.id(),
            trial.number(),
            crate::run::check_line(&report)
        ));
        trials.push(report);
    }
    run.write_json(Document::Check, &trials)
        .map_err(|error| error.to_string())?;
    Ok((exit, json!({ "run": run.id(), "trials": trials })))
}
