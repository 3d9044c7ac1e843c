//! `tally run FILE...`.

use serde_json::json;
use tally_plan::Experiment;

use super::validate::load;
use crate::args::{Global, Run};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Settings, play};

/// Runs every experiment, in order.
pub(crate) fn run(args: &Run, global: &Global, output: &Output) -> Exit {
    let Some(overrides) = overrides(args, output) else {
        return Exit::BadInput;
    };
    if !args.against.is_empty() {
        return super::against::run(args, &overrides, global, output);
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
        target: args.target.clone(),
        ..Settings::new(&global.runs_dir)
    };
    let place = if args.target == "local" {
        refuse_cluster_faults(&experiments, output)
    } else {
        super::on_cluster::prepare(args, &mut settings, output)
    };
    if let Err(exit) = place {
        return exit;
    }
    let interrupt = Interrupt::listen();
    let mut documents = Vec::new();
    for (source, experiment) in &experiments {
        let finished = play(source, experiment, &settings, interrupt, output);
        exit = exit.worse(finished.exit);
        show(&finished, output);
        documents.push(json!({
            "exit_code": finished.exit.code(), "verdict": finished.exit.word(),
            "directory": finished.directory, "report": finished.report,
        }));
        if interrupt.is_set() || (args.fail_fast && finished.exit != Exit::Pass) {
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
    let mut overrides = Vec::new();
    for pair in &args.set {
        let Some((key, value)) = pair.split_once('=') else {
            output.error(
                &format!("--set {pair} has no `=`"),
                Some("write --set platform.replicas=7"),
            );
            return None;
        };
        overrides.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    overrides.extend(args.seed.map(|seed| ("seed".to_owned(), seed.to_string())));
    overrides.extend(
        args.trials
            .map(|trials| ("trials".to_owned(), trials.to_string())),
    );
    Some(overrides)
}
