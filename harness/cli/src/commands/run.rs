//! `tally run FILE...`.

use serde_json::json;
use tally_plan::Experiment;

use super::validate::load;
use crate::agents::Agents;
use crate::args::{Global, Run};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Settings, Target, play};

/// Runs every experiment, in order.
pub(crate) fn run(args: &Run, global: &Global, output: &Output) -> Exit {
    let Some(target) = Target::from_name(&args.target) else {
        let help = "there are `local`, `sim`, `kind` and `kube`";
        output.error(&format!("target `{}` is not there", args.target), Some(help));
        return Exit::BadInput;
    };
    if args.attach && target == Target::Sim {
        let help = "a simulated platform lives only as long as its trial; leave --attach out";
        output.error("--attach does not go with --target sim", Some(help));
        return Exit::BadInput;
    }
    let agents = match Agents::of(args, target) {
        Ok(agents) => agents,
        Err(problems) => {
            for (problem, help) in problems {
                output.error(&problem, Some(help));
            }
            return Exit::BadInput;
        }
    };
    let Some(overrides) = overrides(args, output) else {
        return Exit::BadInput;
    };
    if !args.against.is_empty() {
        return super::against::run(args, agents, &overrides, global, output);
    }
    // Every file is read before the first is run, so that a typo in the last does not cost the time of the others.
    let mut experiments = Vec::new();
    let mut exit = Exit::Pass;
    for file in &args.files {
        match load(file, &overrides, output) {
            Ok(loaded) => experiments.push(loaded),
            Err(worse) => exit = exit.worse(worse),
        }
    }
    if exit != Exit::Pass {
        return exit;
    }
    if args.dry_run {
        for (_, experiment) in &experiments {
            output.line(&tally_plan::explain(experiment));
        }
        output.document(&json!({ "dry_run": true, "experiments": experiments.len() }));
        return Exit::Pass;
    }
    let mut settings = Settings {
        attach: args.attach,
        target,
        agents,
        ..Settings::new(&global.runs_dir)
    };
    let place = match target {
        Target::Local | Target::Sim => refuse_cluster_faults(&experiments, output),
        Target::Kind | Target::Kube => super::on_cluster::prepare(args, &mut settings, output),
    };
    if let Err(exit) = place {
        return exit;
    }
    play_all(&experiments, &settings, args.fail_fast, output)
}

/// Plays experiments one after the other; the worst verdict is the verdict.
pub(crate) fn play_all(
    experiments: &[(String, Experiment)],
    settings: &Settings,
    fail_fast: bool,
    output: &Output,
) -> Exit {
    let interrupt = Interrupt::listen();
    let mut exit = Exit::Pass;
    let mut documents = Vec::new();
    for (source, experiment) in experiments {
        let finished = play(source, experiment, settings, interrupt, output);
        exit = exit.worse(finished.exit);
        show(&finished, output);
        documents.push(json!({
            "exit_code": finished.exit.code(), "verdict": finished.exit.word(),
            "directory": finished.directory, "report": finished.report,
        }));
        if interrupt.is_set() || (fail_fast && finished.exit != Exit::Pass) {
            break;
        }
    }
    output.document(&json!({ "exit_code": exit.code(), "experiments": documents }));
    exit
}

/// Faults that only a cluster can suffer cannot be confirmed on this machine, so they are refused before anything runs.
fn refuse_cluster_faults(experiments: &[(String, Experiment)], output: &Output) -> Result<(), Exit> {
    let mut faults = experiments.iter().flat_map(|(_, experiment)| &experiment.faults);
    let Some(fault) = faults.find(|fault| fault.kind.needs_a_cluster() || fault.part.is_some()) else {
        return Ok(());
    };
    let what = match &fault.part {
        Some(part) => format!("a {part} of its own"),
        None => format!("kind `{}`", fault.kind.name()),
    };
    output.error(
        &format!(
            "fault `{}` needs {what}, which the local world does not have",
            fault.name
        ),
        Some("run it with --target kind"),
    );
    Err(Exit::BadInput)
}

/// Prints the summary of a finished experiment.
pub(crate) fn show(finished: &crate::run::Finished, output: &Output) {
    if let Some(report) = &finished.report {
        output.line(&tally_reports::text(report, 110, output.is_colored()));
    }
    if let Some(directory) = &finished.directory {
        output.line(&format!("report: {}", directory.join("report.html").display()));
    }
}

fn overrides(args: &Run, output: &Output) -> Option<Vec<(String, String)>> {
    let mut overrides = pairs(&args.set, output)?;
    overrides.extend(args.seed.map(|seed| ("seed".to_owned(), seed.to_string())));
    overrides.extend(
        args.trials
            .map(|trials| ("trials".to_owned(), trials.to_string())),
    );
    Some(overrides)
}

/// The keys and values of `--set`; a pair without `=` is told and ends it.
pub(crate) fn pairs(set: &[String], output: &Output) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for pair in set {
        let Some((key, value)) = pair.split_once('=') else {
            output.error(
                &format!("--set {pair} has no `=`"),
                Some("write --set platform.replicas=7"),
            );
            return None;
        };
        pairs.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    Some(pairs)
}
