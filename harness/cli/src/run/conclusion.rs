//! The end of an experiment: the verdict of all trials, the report, the durable end of the run directory.

use tally_capture::{Document, RunReader, RunStatus, RunWriter, SCHEMA_VERSION};
use tally_check::CheckReport;
use tally_plan::{Experiment, Plan};
use tally_reports::{RunReport, TrialReport, Warning};

use super::experiment::{Finished, Settings};
use super::judge::Judged;
use super::outcome::{describe, environment_lines, expectation_line, merge, shell_line};
use crate::exit::Exit;
use crate::output::Output;

/// One judged trial.
pub(super) struct Judgement {
    pub(super) exit: Exit,
    pub(super) expectations: Vec<Judged>,
    pub(super) report: TrialReport,
    pub(super) check: CheckReport,
    pub(super) warnings: Vec<(String, String)>,
}

/// Writes what was made of the trials and closes the run.
pub(super) fn conclude(
    experiment: &Experiment,
    plan: &Plan,
    run: RunWriter,
    judgements: Vec<Judgement>,
    exit: Exit,
    settings: &Settings,
    output: &Output,
) -> Finished {
    let directory = run.directory().to_owned();
    let checks: Vec<&CheckReport> = judgements.iter().map(|judgement| &judgement.check).collect();
    let written = run.write_json(Document::Check, &checks);
    let report = assemble(experiment, plan, &run, judgements, exit, settings);
    let text = tally_reports::text(&report, 110, false);
    let page = tally_reports::html(&report);
    let written = written
        .and_then(|()| run.write_json(Document::Results, &report))
        .and_then(|()| run.write_text(Document::Summary, &text))
        .and_then(|()| run.write_text(Document::Repro, &format!("#!/bin/sh\n{}\n", report.repro)));
    let written = match page {
        Ok(page) => written.and_then(|()| run.write_text(Document::Report, &page)),
        Err(error) => {
            output.error(&format!("the page was not made: {error}"), None);
            written
        }
    };
    let status = if matches!(exit, Exit::Interrupted | Exit::Terminated) {
        RunStatus::Interrupted
    } else {
        RunStatus::Complete
    };
    let finished = written.and_then(|()| run.finish(status, &exit.word().to_lowercase(), exit.code()));
    if let Err(error) = finished {
        output.error(
            &format!("the run was not fully recorded: {error}"),
            Some("is the disk full?"),
        );
        return Finished {
            exit: exit.worse(Exit::Environment),
            directory: Some(directory),
            report: Some(report),
        };
    }
    Finished {
        exit,
        directory: Some(directory),
        report: Some(report),
    }
}

fn assemble(
    experiment: &Experiment,
    plan: &Plan,
    run: &RunWriter,
    judgements: Vec<Judgement>,
    exit: Exit,
    settings: &Settings,
) -> RunReport {
    let mut warnings: Vec<Warning> = Vec::new();
    let mut trials = Vec::new();
    let mut expectations: Vec<tally_reports::ExpectationLine> = Vec::new();
    for judgement in judgements {
        for (text, remedy) in judgement.warnings {
            let text = format!("trial {}: {text}", judgement.report.number);
            warnings.push(Warning {
                code: "trial".into(),
                text,
                remedy,
            });
        }
        for (index, judged) in judgement.expectations.into_iter().enumerate() {
            match expectations.get_mut(index) {
                Some(line) => merge(line, &judged),
                None => expectations.push(expectation_line(judged)),
            }
        }
        trials.push(judgement.report);
    }
    let directory = run.directory().display().to_string();
    let environment = RunReader::open(run.directory(), &directory)
        .ok()
        .and_then(|reader| reader.environment().ok())
        .map_or_else(Vec::new, |environment| environment_lines(&environment));
    RunReport {
        schema_version: SCHEMA_VERSION,
        name: experiment.name.clone(),
        title: experiment.title.clone(),
        run_id: run.id(),
        seed: experiment.seed,
        target: settings.target.name().into(),
        plan: plan.fingerprint.clone(),
        verdict: exit.word().to_owned(),
        exit_code: exit.code(),
        sentence: describe(exit, &trials),
        expectations,
        trials,
        warnings,
        environment,
        next: vec![
            format!("open {directory}/report.html"),
            format!("tally check {}", run.id()),
        ],
        repro: shell_line(&settings.command),
    }
}
