//! A trial that is over: read back, checked and judged.

use std::path::Path;

use tally_capture::{Analysis, Result, TrialReader};
use tally_plan::{Experiment, Plan};
use tally_reports::TrialReport;

use super::checking::check_options;
use super::conclusion::Judgement;
use super::facts::{Facts, measure};
use super::judge::{Generator, heard_late, verdict, without, without_requests};
use super::outcome::{generator_facts, memory_lines, report_correctness};
use super::trial::Trial;
use crate::exit::Exit;

/// What trial `number` comes to, from its files, beside which its interval logs are written.
///
/// # Errors
/// If its files cannot be read, or the logs not written.
pub(super) fn assess(
    experiment: &Experiment,
    plan: &Plan,
    number: u32,
    directory: &Path,
    trial: Trial,
    interrupted: bool,
) -> Result<Judgement> {
    let reader = TrialReader::at(directory);
    let mut options = check_options(plan);
    if trial.stop.is_some() {
        // Of a load that was stopped not every request was sent.
        options.planned = None;
    }
    let check = tally_check::check_trial(&reader, &options)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let analysis = Analysis::read(&reader, threads)?;
    analysis.write_interval_logs(directory)?;
    let summary = analysis.summary(measure(plan));
    let latency_p99 = summary.window("always").map_or(0, |window| window.latency.p99);
    let generator = Generator::of(&trial.reports, latency_p99);
    let facts = Facts {
        analysis: &analysis,
        summary: &summary,
        check: Some(&check),
        so_far: false,
    };
    let mut expectations = facts.judge(experiment, plan);
    let mut warnings = Vec::new();
    let mut exit = Exit::Pass;
    let mut asked = true;
    if let Some(stop) = &trial.stop {
        warnings.push((stop.sentence(), stop.remedy().into()));
        // What stopped the trial did not hold, whatever the answers that still came made of it.
        expectations[stop.index].held = Some(false);
        expectations[stop.index].shown.clone_from(&stop.shown);
        // A platform that was not well before the faults was not tested.
        asked = !stop.is_before_faults();
        exit = if asked { Exit::Fail } else { Exit::Setup };
    }
    let exit = exit.worse(verdict(
        if asked { &expectations } else { &[] },
        &check,
        &trial.faults,
        if asked { plan.faults.len() } else { 0 },
        &generator,
        interrupted || trial.stop.is_some(),
        &mut warnings,
    ));
    let exit = without_requests(trial.ran_dry, exit, &mut warnings);
    let exit = without(&trial.lost, exit, &mut warnings);
    heard_late(trial.dropped, &trial.reports, &mut warnings);
    let report = TrialReport {
        number,
        summary,
        samples: reader.series()?.0,
        events: reader.events()?.0,
        faults: trial.faults,
        correctness: Some(report_correctness(&check)),
        autoscalers: crate::live_hpa::against_model(&reader.autoscalers()?.0),
        generator: generator_facts(&generator),
        memory: memory_lines(trial.memory),
    };
    Ok(Judgement {
        exit,
        expectations,
        report,
        check,
        warnings,
    })
}
