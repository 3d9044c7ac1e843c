//! `tally sim FILE... --policies a,b`: several policies on the same arrivals in virtual time, and one report of them all.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use tally_capture::write_documents;
use tally_model::{PlatformConfig, Scaler};
use tally_plan::{Experiment, Plan};
use tally_reports::{
    Curves, PolicyArm, PolicyCase, PolicyComparison, PolicyRun, policies_html, policies_text,
};
use tally_simulated::Costs;

use crate::exit::Exit;
use crate::output::{Output, Progress};
use crate::run::Interrupt;
use crate::simulate::{Played, Task, on_threads};

/// The page of a comparison of policies.
const PAGE: &str = "policies.html";

/// One experiment at one point of a sweep, once per seed.
pub(super) struct Case {
    /// Name of the experiment, and the point of the sweep.
    name: String,
    /// At least one.
    seeds: Vec<Experiment>,
}

impl Case {
    /// `point` has the values that were changed.
    pub(super) fn new(point: &[(String, String)], seeds: Vec<Experiment>) -> Self {
        let name = seeds.first().map_or("", |first| first.name.as_str());
        let point = point.iter().map(|(key, value)| format!(" {key}={value}"));
        Self {
            name: std::iter::once(name.to_owned()).chain(point).collect(),
            seeds,
        }
    }
}

/// What is compared, and how.
pub(super) struct Contest {
    pub(super) cases: Vec<Case>,
    pub(super) policies: Vec<Scaler>,
    /// The line that plays it again.
    pub(super) repro: String,
}

/// On what it is played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub(super) costs: Costs,
    pub(super) threads: usize,
}

/// Plays every policy on every case and writes the comparison.
pub(super) fn run(contest: &Contest, stage: Stage, runs_dir: &Path, output: &Output) -> Exit {
    let started = Instant::now();
    let interrupt = Interrupt::listen();
    let mut problems = Vec::new();
    let mut cases = Vec::new();
    let mut progress = output.progress();
    let mut effort = Effort::default();
    for (index, case) in contest.cases.iter().enumerate() {
        let place = format!("{} of {}: {}", index + 1, contest.cases.len(), case.name);
        match play(&contest.policies, stage, case, interrupt, &mut progress, &place) {
            Ok((played, took)) => {
                cases.push(played);
                effort.add(&took);
            }
            Err(problem) => problems.push(problem),
        }
        if let Some(exit) = interrupt.exit() {
            output.note("interrupted: nothing is compared");
            return exit;
        }
        progress.step(&place);
    }
    drop(progress);
    for problem in &problems {
        output.error(problem, None);
    }
    if !problems.is_empty() {
        return Exit::Setup;
    }
    let comparison = PolicyComparison {
        schema_version: 1,
        cases,
        effort: effort.told(started.elapsed().as_secs_f64(), stage.threads),
        repro: contest.repro.clone(),
    };
    output.line(&policies_text(&comparison, 130, output.is_colored()));
    let page = match write(&comparison, runs_dir) {
        Ok(page) => page,
        Err(problem) => {
            output.error(&problem, Some("is the disk full, or the place not writable?"));
            return Exit::Environment;
        }
    };
    output.line(&format!("comparison: {}", page.display()));
    // A policy may be slow; it may not lose anything.
    let [unanswered, wrong, ..] = comparison.troubles();
    let exit = if unanswered + wrong > 0 {
        Exit::Unsafe
    } else {
        Exit::Pass
    };
    output.document(&json!({ "exit_code": exit.code(), "page": page, "comparison": comparison }));
    exit
}

/// What it took.
#[derive(Default)]
struct Effort {
    runs: usize,
    events: u64,
    simulated: f64,
    /// Of the threads together.
    real: f64,
}

impl Effort {
    fn of(played: &[Played]) -> Self {
        Self {
            runs: played.len(),
            events: played.iter().map(|played| played.events).sum(),
            simulated: played.iter().map(|played| played.simulated).sum(),
            real: played.iter().map(|played| played.real).sum(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.events += other.events;
        self.simulated += other.simulated;
        self.real += other.real;
    }

    fn told(&self, seconds: f64, threads: usize) -> String {
        format!(
            "{} runs, {:.0} s of virtual time in {seconds:.1} s on {threads} thread(s): {:.0} times real time per thread, {:.2} million events per thread-second.",
            self.runs,
            self.simulated,
            self.simulated / self.real.max(1e-9),
            self.events as f64 / self.real.max(1e-9) / 1e6
        )
    }
}

/// Every policy on every seed of a case.
fn play(
    policies: &[Scaler],
    stage: Stage,
    case: &Case,
    interrupt: Interrupt,
    progress: &mut Progress,
    place: &str,
) -> Result<(PolicyCase, Effort), String> {
    let tasks: Vec<Task> = case
        .seeds
        .iter()
        .map(|seed| Task::new(Plan::expand(seed)))
        .collect();
    let seeds = tasks.len();
    let all = policies.len() * seeds;
    let mut results: Vec<Option<Result<Played, String>>> = (0..all).map(|_| None).collect();
    on_threads(
        stage.threads,
        all as u64,
        |job| {
            let (policy, seed) = (policies[job as usize / seeds], job as usize % seeds);
            let platform = PlatformConfig {
                scaler: policy,
                ..case.seeds[seed].platform.clone()
            };
            let played = tasks[seed].play(&platform, stage.costs);
            played.map_err(|problem| format!("{} with {policy}: {problem}", case.name))
        },
        |job, played| {
            results[job as usize] = Some(played);
            let done = results.iter().flatten().count();
            progress.tick(&format!("{place}: {done} of {all} runs"));
            if interrupt.is_set() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    );
    let interrupted = || Err("interrupted".to_owned());
    let results = results
        .into_iter()
        .map(|played| played.unwrap_or_else(interrupted));
    let played: Vec<Played> = results.collect::<Result<_, _>>()?;
    let arms = policies.iter().zip(played.chunks(seeds.max(1)));
    let compared = PolicyCase {
        name: case.name.clone(),
        title: case
            .seeds
            .first()
            .map_or_else(String::new, |first| first.title.clone()),
        setting: case.seeds.first().map_or_else(String::new, setting),
        arms: arms
            .map(|(policy, runs)| arm(*policy, &case.seeds, runs))
            .collect(),
    };
    Ok((compared, Effort::of(&played)))
}

fn arm(policy: Scaler, seeds: &[Experiment], runs: &[Played]) -> PolicyArm {
    let run = |(experiment, played): (&Experiment, &Played)| PolicyRun {
        seed: experiment.seed,
        scores: played.scores,
        unanswered: played.unanswered,
        wrong: played.wrong,
        refused: played.refused,
        failed: played.failed,
    };
    let seconds = |curve: &tally_capture::elasticity::StepCurve| {
        let steps = curve.steps();
        steps.map(|(at, sets)| (at as f64 / 1e9, sets)).collect()
    };
    PolicyArm {
        policy: policy.to_string(),
        runs: seeds.iter().zip(runs).map(run).collect(),
        curves: runs.first().map_or_else(Curves::default, |first| Curves {
            supply: seconds(&first.supply),
            demand: seconds(&first.demand),
        }),
    }
}

/// What the experiment asks of a policy, in words.
fn setting(experiment: &Experiment) -> String {
    let platform = &experiment.platform;
    let start = platform.scaling.start_delay;
    let start = start.map_or_else(String::new, |delay| format!(", sets take {delay:?} to start"));
    format!(
        "Objective {:?} for 95 % of the tasks of each 5 s, {} to {} sets per layer{start}",
        platform.scaling.objective, platform.bounds.min, platform.bounds.max
    )
}

fn write(comparison: &PolicyComparison, runs_dir: &Path) -> Result<PathBuf, String> {
    let page = policies_html(comparison).map_err(|error| error.to_string())?;
    let json = serde_json::to_string_pretty(comparison).map_err(|error| error.to_string())?;
    let text = policies_text(comparison, 130, false);
    let directory =
        tally_capture::comparison_directory(runs_dir, "policies").map_err(|error| error.to_string())?;
    let documents = [
        (PAGE, page),
        ("comparison.json", json + "\n"),
        ("summary.txt", text),
    ];
    write_documents(&directory, &documents).map_err(|error| error.to_string())?;
    Ok(directory.join(PAGE))
}
