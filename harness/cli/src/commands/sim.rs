//! `tally sim [FILE...]`: experiments in virtual time, swarms, twins.

use std::path::Path;
use std::time::Duration;

use tally_model::Protocol;
use tally_plan::Experiment;
use tally_simulated::Costs;

use super::policies::{self, Stage};
use super::run::{pairs, play_all};
use super::sweep::Asked;
use super::validate::load;
use crate::args::{Global, Sim};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Settings, Target};
use crate::simulate::{Swarm, all_twins, swarm};

/// Seeds of a swarm if nobody says how many.
const SEEDS: u64 = 100;
/// Which protocols there are.
pub(super) const KNOWN: &str = "there are none, pbft, vote and collect";

/// Runs every experiment once per seed, or a swarm, or twins.
pub(crate) fn run(args: &Sim, global: &Global, output: &Output) -> Exit {
    #[cfg(feature = "mutants")]
    if let Some(name) = &args.mutant {
        let Some(mutant) = tally_consensus::mutant::Mutant::from_name(name) else {
            output.error(
                &format!("`{name}` is not a mutant"),
                Some("docs/bug-museum.md lists them"),
            );
            return Exit::BadInput;
        };
        crate::simulate::plant(mutant);
    }
    let jobs = args.jobs.unwrap_or_else(cores);
    let (exit, document) = if let Some(rounds) = args.twins {
        all_twins(rounds, jobs, output)
    } else if args.files.is_empty() {
        match drawn(args, jobs) {
            Ok(drawn) => swarm(&drawn, output),
            Err(problem) => {
                output.error(&problem, Some(KNOWN));
                return Exit::BadInput;
            }
        }
    } else {
        return experiments(args, global, output);
    };
    output.document(&document);
    exit
}

/// Reads a list of protocols.
pub(super) fn protocols(names: &[String]) -> Result<Vec<Protocol>, String> {
    let named =
        |name: &String| Protocol::from_name(name.trim()).ok_or_else(|| format!("`{name}` is not a protocol"));
    names.iter().map(named).collect()
}

fn drawn(args: &Sim, jobs: usize) -> Result<Swarm, String> {
    let seeds = match (args.seeds, args.seed) {
        (Some(seeds), _) => seeds,
        (None, Some(_)) => 1,
        (None, None) => SEEDS,
    };
    Ok(Swarm {
        first: args.seed.unwrap_or(0),
        seeds,
        limit: args
            .minutes
            .map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
        jobs,
        protocols: protocols(&args.protocols)?,
        shrink: args.shrink,
        coverage: args.coverage,
        trace: args.trace,
    })
}

fn experiments(args: &Sim, global: &Global, output: &Output) -> Exit {
    let Some(pod_start) = tally_plan::parse_duration(&args.start_delay) else {
        let problem = format!("`--start-delay {}` is not a duration", args.start_delay);
        output.error(&problem, Some("write 60ms or 2s"));
        return Exit::BadInput;
    };
    let asked = match Asked::read(args) {
        Ok(asked) => asked,
        Err(problems) => {
            for (problem, help) in problems {
                output.error(&problem, Some(&help));
            }
            return Exit::BadInput;
        }
    };
    let Some(mut set) = pairs(&args.set, output) else {
        return Exit::BadInput;
    };
    set.extend(
        args.minutes
            .map(|minutes| ("phases.measure".to_owned(), format!("{}s", minutes * 60.0))),
    );
    // Every file is read before the first is run, so that a typo in the last does not cost the time of the others.
    let mut read = Vec::new();
    let mut exit = Exit::Pass;
    for file in &args.files {
        for point in asked.points() {
            let changes: Vec<_> = set.iter().chain(point).cloned().collect();
            match seeds(file, &changes, args, output) {
                Ok(loaded) => read.push((point, loaded)),
                Err(worse) => exit = exit.worse(worse),
            }
        }
    }
    if exit != Exit::Pass {
        return exit;
    }
    let costs = Costs {
        pod_start,
        ..Costs::default()
    };
    let of_seeds = |loaded: &[(String, Experiment)]| loaded.iter().map(|(_, one)| one.clone()).collect();
    let each: Vec<_> = read
        .iter()
        .map(|(point, loaded)| (*point, of_seeds(loaded)))
        .collect();
    match asked.contest(&each, args, output) {
        Err(exit) => return exit,
        Ok(Some(contest)) => {
            let threads = args.jobs.unwrap_or_else(cores);
            return policies::run(&contest, Stage { costs, threads }, &global.runs_dir, output);
        }
        Ok(None) => {}
    }
    let experiments: Vec<_> = read.into_iter().flat_map(|(_, loaded)| loaded).collect();
    let settings = Settings {
        target: Target::Sim,
        costs,
        ..Settings::new(&global.runs_dir)
    };
    play_all(&experiments, &settings, false, output)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// One file, once per seed.
fn seeds(
    file: &Path,
    set: &[(String, String)],
    args: &Sim,
    output: &Output,
) -> Result<Vec<(String, Experiment)>, Exit> {
    let first = match args.seed {
        Some(seed) => seed,
        None => load(file, set, output)?.1.seed,
    };
    let of_seed = |index: u64| {
        let seed = ("seed".to_owned(), first.wrapping_add(index).to_string());
        let overrides: Vec<_> = set.iter().cloned().chain([seed]).collect();
        load(file, &overrides, output)
    };
    (0..args.seeds.unwrap_or(1).max(1)).map(of_seed).collect()
}
