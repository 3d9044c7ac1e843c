//! `tally check RUN...`: the checker of today on histories of any day.

use serde_json::json;
use tally_capture::{Document, RunReader, RunStatus};
use tally_check::Safety;

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
            .and_then(|run| one(&run, args, output));
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
    output.document(&json!({ "exit_code": exit.code(), "runs": reports }));
    exit
}

type Checked = Result<(Exit, serde_json::Value), (Exit, String)>;

fn one(run: &RunReader, args: &Check, output: &Output) -> Checked {
    let unreadable = |error: tally_capture::CaptureError| (Exit::Environment, error.to_string());
    let mut options = tally_check::Options::default();
    if args.audit_all {
        options.audit = tally_check::AuditLimit::All;
    }
    let early = run.record().status != RunStatus::Complete;
    let mut exit = Exit::Pass;
    let mut trials = Vec::new();
    for trial in run.trials().map_err(unreadable)? {
        let report = tally_check::check_trial(&trial, &options).map_err(unreadable)?;
        exit = exit.worse(match report.safety {
            Safety::Clean => Exit::Pass,
            Safety::Incomplete => Exit::Inconclusive,
            Safety::Broken => Exit::Fail,
            Safety::Unsafe if early && crate::run::is_only_owed(&report) => Exit::Inconclusive,
            Safety::Unsafe => Exit::Unsafe,
        });
        output.line(&format!(
            "{} trial {}: {}",
            run.id(),
            trial.number(),
            crate::run::check_line(&report)
        ));
        trials.push(report);
    }
    if trials.is_empty() {
        return Err((Exit::BadInput, format!("{} has no trial to check", run.id())));
    }
    run.write_json(Document::Check, &trials).map_err(unreadable)?;
    Ok((exit, json!({ "run": run.id(), "trials": trials })))
}
