//! `tally replay RUN` and `tally replay --seed N`: what happened in virtual time, one line per event, and whether it is what was
//! recorded.

use std::sync::Arc;

use serde_json::json;
use tally_capture::{CaptureError, Environment, RunReader, RunStart, RunWriter};
use tally_plan::{Experiment, Plan};
use tally_simulated::Costs;
use tally_simulated::swarm::{self, Draw};

use super::sim::{KNOWN, protocols};
use crate::args::{Global, Replay};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Watch, fault_order, tag_of};
use crate::simulate::{Facts, Setup, play};

/// What was played, what it gave, and what it should have given.
struct Played {
    what: String,
    trace: String,
    expected: String,
    violation: Option<String>,
}

/// Plays again, tells every event, and compares the traces.
pub(crate) fn run(args: &Replay, global: &Global, output: &Output) -> Exit {
    let played = match (&args.run, args.seed) {
        (Some(run), _) => trial(run, args.trial, global, output),
        (None, Some(seed)) => of_seed(seed, args, output),
        (None, None) => Err((Exit::BadInput, "name a run or a seed".to_owned(), None)),
    };
    let played = match played {
        Ok(played) => played,
        Err((exit, problem, remedy)) => {
            output.error(&problem, remedy);
            return exit;
        }
    };
    let same = played.trace == played.expected;
    if let Some(violation) = &played.violation {
        output.line(&format!("{} violates {violation}", played.what));
    }
    if same {
        output.line(&format!("{}: trace {}, as recorded", played.what, played.trace));
    } else {
        let problem = format!(
            "{} gives trace {}, recorded was {}",
            played.what, played.trace, played.expected
        );
        let remedy = "another version of the program plays another run; take the one that recorded it";
        output.error(&problem, Some(remedy));
    }
    let exit = if same { Exit::Pass } else { Exit::Fail };
    output.document(&json!({
        "exit_code": exit.code(), "trace": played.trace, "expected": played.expected, "violation": played.violation,
    }));
    exit
}

type Problem = (Exit, String, Option<&'static str>);

fn trial(run: &str, number: u32, global: &Global, output: &Output) -> Result<Played, Problem> {
    let named = "runs are named `latest`, `burst/latest`, or by their path";
    let run = RunReader::open(&global.runs_dir, run)
        .map_err(|error| (Exit::BadInput, error.to_string(), Some(named)))?;
    if run.record().target != "sim" {
        let problem = format!(
            "{} ran on `{}`: only virtual time can be played again",
            run.id(),
            run.record().target
        );
        return Err((Exit::BadInput, problem, Some("tally run FILE --target sim")));
    }
    let unreadable = |error: CaptureError| (Exit::BadInput, error.to_string(), None);
    let trials = run.trials().map_err(unreadable)?;
    let recorded = trials
        .iter()
        .find(|trial| trial.number() == number)
        .ok_or_else(|| {
            (
                Exit::BadInput,
                format!("{} has no trial {number}", run.id()),
                Some("choose one with --trial"),
            )
        })?;
    let facts: Facts = recorded.simulation().map_err(unreadable)?;
    let experiment: Experiment = run.resolved().map_err(unreadable)?;
    let replayed =
        again(&run, &experiment, number, &facts, output).map_err(|problem| (Exit::Setup, problem, None))?;
    Ok(Played {
        what: format!("{} trial {number}", run.id()),
        trace: replayed.trace,
        expected: facts.trace,
        violation: None,
    })
}

/// The same trial, recorded where nobody looks.
fn again(
    run: &RunReader,
    experiment: &Experiment,
    number: u32,
    facts: &Facts,
    output: &Output,
) -> Result<Facts, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let plan = Arc::new(Plan::expand(experiment));
    if plan.fingerprint != run.record().plan {
        return Err("this version of the program makes another plan of the experiment".to_owned());
    }
    let scratch = tempfile::tempdir().map_err(|error| told(&error))?;
    let start = RunStart {
        seed: experiment.seed,
        plan: &plan.fingerprint,
        target: "sim",
        command: &run.record().command,
        experiment: &run.experiment().map_err(|error| told(&error))?,
    };
    let environment = Environment::observe("replay");
    let writer = RunWriter::create(
        scratch.path(),
        &experiment.name,
        start,
        experiment,
        &*plan,
        environment,
    )
    .map_err(|error| told(&error))?;
    let trial = writer.trial(number).map_err(|error| told(&error))?;
    let watch = Watch::new(experiment, &plan, trial.directory());
    let setup = Setup {
        number,
        plan: &plan,
        platform: &experiment.platform,
        faults: plan
            .faults
            .iter()
            .map(|fault| fault_order(&experiment.platform, fault))
            .collect(),
        shadows: &[],
        tag: tag_of(&run.id()),
        interrupted: &|| false,
        watch: &watch,
        costs: Costs {
            pod_start: facts.pod_start,
            ..Costs::default()
        },
        trace: Some(&|line| output.line(line)),
    };
    let (_, facts) = play(setup, trial, &mut output.progress()).map_err(|error| told(&error))?;
    Ok(facts)
}

fn of_seed(seed: u64, args: &Replay, output: &Output) -> Result<Played, Problem> {
    let protocols = protocols(&args.protocols).map_err(|problem| (Exit::BadInput, problem, Some(KNOWN)))?;
    let draw = Draw::new(seed, &protocols);
    let report = swarm::run(&draw, tally_check::reference::evaluate, true);
    for line in &report.lines {
        output.line(line);
    }
    let expected = match &args.expect {
        Some(expected) => expected.clone(),
        None => swarm::run(&draw, tally_check::reference::evaluate, false).trace,
    };
    Ok(Played {
        what: format!("seed {seed}"),
        trace: report.trace,
        expected,
        violation: report.violation.map(|violation| violation.to_string()),
    })
}
