//! `tally hpa-replay RUN...`: live autoscalers of stored runs, decided again by the model of today.

use serde_json::json;
use tally_capture::RunReader;
use tally_reports::{Agreement, LiveAutoscaler};

use crate::args::{Global, HpaReplay};
use crate::exit::Exit;
use crate::live_hpa::against_model;
use crate::output::Output;

/// Prints every look of every live autoscaler. That the model differs is a finding about the model, not a failure of the run, so
/// it does not change the exit code.
pub(crate) fn run(args: &HpaReplay, global: &Global, output: &Output) -> Exit {
    let mut runs = Vec::new();
    for wanted in &args.runs {
        let found = RunReader::open(&global.runs_dir, wanted)
            .map_err(|error| error.to_string())
            .and_then(|run| one(&run, output));
        match found {
            Ok(told) => runs.push(told),
            Err(problem) => {
                let help = "name a run of an arm with a live autoscaler on a recorded metric (hpa-queue), by path or id";
                output.error(&problem, Some(help));
                return Exit::BadInput;
            }
        }
    }
    output.document(&json!({ "runs": runs }));
    Exit::Pass
}

fn one(run: &RunReader, output: &Output) -> Result<serde_json::Value, String> {
    let mut trials = Vec::new();
    for trial in run.trials().map_err(|error| error.to_string())? {
        let lines = trial.autoscalers().map_err(|error| error.to_string())?.0;
        let autoscalers = against_model(&lines);
        if autoscalers.is_empty() {
            continue;
        }
        for line in tally_reports::hpa_text(&autoscalers) {
            output.line(&line);
        }
        output.line(&format!(
            "{} trial {}: {}",
            run.id(),
            trial.number(),
            total(&autoscalers)
        ));
        trials.push(json!({ "trial": trial.number(), "autoscalers": autoscalers }));
    }
    if trials.is_empty() {
        return Err(format!("{} has no record of a live autoscaler", run.id()));
    }
    Ok(json!({ "run": run.id(), "trials": trials }))
}

fn total(autoscalers: &[LiveAutoscaler]) -> String {
    let Agreement {
        alike,
        differently,
        unknown,
    } = autoscalers.iter().map(LiveAutoscaler::agreement).sum();
    format!("{alike} look(s) decided alike, {differently} differently, {unknown} unknown")
}
