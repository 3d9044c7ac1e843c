//! `tally check RUN...`: the checker of today on histories of any day, asked what the run asked it.

use serde_json::{Value, json};
use tally_capture::{CaptureError, Document, RunReader, RunStatus};
use tally_check::{AuditLimit, CheckReport, Options, Safety};
use tally_plan::Plan;

use crate::args::{Check, Global};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{check_options, is_only_owed, is_unsafe_in_part};

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

type Checked = Result<(Exit, Value), (Exit, String)>;

fn one(run: &RunReader, args: &Check, output: &Output) -> Checked {
    let unreadable = |error: CaptureError| (Exit::Environment, error.to_string());
    let stored = run.trials().map_err(unreadable)?;
    if stored.is_empty() {
        return Err((Exit::BadInput, format!("{} has no trial to check", run.id())));
    }
    let status = run.record().status;
    let mut gaps = gaps(run, stored.len());
    let mut options = match run.plan::<Plan>() {
        Ok(plan) => check_options(&plan),
        Err(error) => {
            gaps.push(format!(
                "without its plan nobody can tell what is missing: {error}"
            ));
            Options::default()
        }
    };
    if args.audit_all {
        options.audit = AuditLimit::All;
    }
    let mut exit = if gaps.is_empty() {
        Exit::Pass
    } else {
        Exit::Inconclusive
    };
    let mut trials = Vec::new();
    for trial in stored {
        let report = tally_check::check_trial(&trial, &options).map_err(unreadable)?;
        exit = exit.worse(judge(&report, status));
        let line = crate::run::check_line(&report);
        output.line(&format!("{} trial {}: {line}", run.id(), trial.number()));
        if report.gaps.unrecorded > 0 {
            let missing = report.gaps.unrecorded;
            output.line(&format!("  {missing} planned request(s) have no line"));
        }
        trials.push(report);
    }
    for gap in &gaps {
        output.line(&format!("{}: {gap}", run.id()));
    }
    // A run that is still written will write its own.
    if status != RunStatus::Running {
        run.write_json(Document::Check, &trials).map_err(unreadable)?;
    }
    Ok((
        exit,
        json!({ "run": run.id(), "status": status, "gaps": gaps, "trials": trials }),
    ))
}

/// Why not all of a run can be vouched for, however clean what is there may be.
fn gaps(run: &RunReader, stored: usize) -> Vec<String> {
    let mut gaps = Vec::new();
    let early = match run.record().status {
        RunStatus::Complete => None,
        RunStatus::Running => Some("it is still running: check it again when it is over"),
        RunStatus::Interrupted => Some("it was interrupted, so nothing is known of what it did not come to"),
        RunStatus::Crashed => Some("its harness was killed, so what it had not yet written is missing"),
    };
    gaps.extend(early.map(str::to_owned));
    let planned = run
        .resolved::<Value>()
        .ok()
        .and_then(|resolved| resolved["trials"].as_u64());
    if let Some(planned) = planned.filter(|planned| *planned > stored as u64) {
        gaps.push(format!("{stored} of its {planned} trials have a record"));
    }
    gaps
}

/// What one trial comes to. In a run that ended early answers are owed, not lost; of one whose writer was ended in the middle only
/// what answers say is held against the platform.
fn judge(report: &CheckReport, status: RunStatus) -> Exit {
    let is_cut = matches!(status, RunStatus::Running | RunStatus::Crashed);
    let is_owed = match status {
        RunStatus::Complete => false,
        RunStatus::Interrupted => is_only_owed(report),
        RunStatus::Running | RunStatus::Crashed => !is_unsafe_in_part(report),
    };
    match report.safety {
        Safety::Clean => Exit::Pass,
        Safety::Incomplete => Exit::Inconclusive,
        Safety::Broken if is_cut => Exit::Inconclusive,
        Safety::Broken => Exit::Fail,
        Safety::Unsafe if is_owed => Exit::Inconclusive,
        Safety::Unsafe => Exit::Unsafe,
    }
}
