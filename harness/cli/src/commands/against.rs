//! `tally run FILE... --against ARM,...`: the same experiment on several arms, side by side.

use serde_json::{Value, json};
use tally_model::Protocol;
use tally_plan::Experiment;

use super::validate::{load, load_live};
use crate::agents::Agents;
use crate::args::{Global, Run};
use crate::comparison::{Arm, Contest, conclude, play_all};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Settings, Target};

/// Plays every file on every arm. `overrides` are those of the whole run.
pub(super) fn run(
    args: &Run,
    agents: Option<Agents>,
    overrides: &[(String, String)],
    global: &Global,
    output: &Output,
) -> Exit {
    if args.attach {
        let help = "leave out --attach: every trial of every arm gets a platform of its own";
        output.error("--against needs a platform for each arm", Some(help));
        return Exit::BadInput;
    }
    let arms = match Arm::parse_all(&args.against, &args.target) {
        Ok(arms) => arms,
        Err(problems) => {
            for problem in problems {
                output.error(&problem.message, Some(&problem.help));
            }
            return Exit::BadInput;
        }
    };
    let mut contests = Vec::new();
    for file in &args.files {
        match contest(file, &arms, overrides, output) {
            Ok(contest) => contests.push(contest),
            Err(exit) => return exit,
        }
    }
    if args.dry_run {
        return explain(&contests, output);
    }
    let mut settings = Settings {
        target: Target::from_name(&args.target).unwrap_or(Target::Local),
        agents,
        ..Settings::new(&global.runs_dir)
    };
    if matches!(settings.target, Target::Kind | Target::Kube)
        && let Err(exit) = super::on_cluster::prepare(args, &mut settings, output)
    {
        return exit;
    }
    let interrupt = Interrupt::listen();
    let (mut exit, mut documents) = (Exit::Pass, Vec::new());
    for contest in &contests {
        let contested = play_all(contest, &settings, args.fail_fast, interrupt, output);
        let (compared, document) = match &contested.directory {
            Some(directory) => conclude(&global.runs_dir, directory, output),
            None => (Exit::Environment, Value::Null),
        };
        // That there was too little to compare is no news if the trials have told why.
        let compared = if contested.exit == Exit::Pass {
            compared
        } else {
            Exit::Pass
        };
        let all = contested.exit.worse(compared);
        exit = exit.worse(all);
        documents.push(json!({
            "exit_code": all.code(), "verdict": all.word(),
            "directory": contested.directory, "comparison": document,
        }));
        if interrupt.is_set() || (args.fail_fast && exit != Exit::Pass) {
            break;
        }
    }
    output.document(&json!({ "exit_code": exit.code(), "comparisons": documents }));
    exit
}

/// Reads the experiment once per arm and pair, so that every problem is told before anything runs.
fn contest(
    file: &std::path::Path,
    arms: &[Arm],
    overrides: &[(String, String)],
    output: &Output,
) -> Result<Contest, Exit> {
    let (mut source, mut own) = load(file, overrides, output)?;
    let is_live = arms.iter().any(Arm::is_live);
    let load = if is_live { load_live } else { load };
    if is_live {
        let alone = own;
        (source, own) = load(file, overrides, output)?;
        if own != alone {
            let file = file.display();
            output.note(&format!(
                "an arm is a live HorizontalPodAutoscaler, so what [live] of {file} says holds for every arm"
            ));
        }
    }
    let arms = on_equal_terms(with_own(arms, &own), &own, output);
    let mut experiments = Vec::new();
    for arm in &arms {
        let mut pairs = Vec::new();
        for pair in 0..own.trials.max(1) {
            let mut changed = overrides.to_vec();
            changed.extend(arm.changes.iter().cloned());
            changed.push(("seed".to_owned(), seed(own.seed, pair).to_string()));
            changed.push(("trials".to_owned(), "1".to_owned()));
            let (_, experiment) = load(file, &changed, output).inspect_err(|_| {
                output.note(&format!("that was arm `{}` of --against", arm.label));
            })?;
            pairs.push(experiment);
        }
        experiments.push(pairs);
    }
    must_be_fair(&arms, &experiments, output)?;
    Ok(Contest {
        file: file.to_owned(),
        source,
        arms,
        experiments,
    })
}

/// Refuses before anything is played what could not be compared after it.
fn must_be_fair(arms: &[Arm], experiments: &[Vec<Experiment>], output: &Output) -> Result<(), Exit> {
    let settings: Vec<Value> = experiments
        .iter()
        .map(|pairs| serde_json::to_value(pairs.first()).unwrap_or_default())
        .collect();
    let labelled: Vec<(&str, Vec<&Value>)> = arms
        .iter()
        .zip(&settings)
        .map(|(arm, settings)| (arm.label.as_str(), vec![settings]))
        .collect();
    let Err(unfair) = tally_reports::fair(&labelled) else {
        return Ok(());
    };
    for problem in &unfair.problems {
        let help = "arms share everything but what is compared: scaler, protocol, suite, dispatch; change it for all with --set";
        output.error(&format!("not comparable: {problem}"), Some(help));
    }
    Err(Exit::BadInput)
}

/// The arms that were named, and behind them the file's own settings if they are not among them.
fn with_own(arms: &[Arm], own: &Experiment) -> Vec<Arm> {
    let mut all = arms.to_vec();
    let scaler = serde_json::to_value(own.platform.scaler).unwrap_or_default();
    let own = Arm::own(tally_reports::scaler_name(&scaler));
    if all.iter().all(|arm| arm.label != own.label) {
        all.push(own);
    }
    all
}

/// The kubelet restarts as many pods as the policy beside it keeps. Baselines of plain pods have no replicas, so beside one no arm pays for
/// replicas that does not ask for them: what is compared is who scales, or what is split.
fn on_equal_terms(arms: Vec<Arm>, own: &Experiment, output: &Output) -> Vec<Arm> {
    let keeping = |arm: Arm| arm.keeping(own.platform.scaler);
    let arms: Vec<Arm> = arms.into_iter().map(keeping).collect();
    let plain = arms.iter().find_map(Arm::plain);
    let Some(reason) = plain.filter(|_| own.platform.protocol != Protocol::None) else {
        return arms;
    };
    output.note(&format!(
        "{reason}, so no arm has any here; an arm such as `threshold+protocol=pbft` does"
    ));
    arms.into_iter().map(Arm::without_replicas).collect()
}

/// Every pair has a seed of its own, the first that of the file; seeds of files are whole numbers up to 2^63 - 1.
const fn seed(first: u64, pair: u32) -> u64 {
    (first.wrapping_add(pair as u64)) & (i64::MAX as u64)
}

fn explain(contests: &[Contest], output: &Output) -> Exit {
    let mut documents = Vec::new();
    for contest in contests {
        let Some(first) = contest.experiments.first().and_then(|pairs| pairs.first()) else {
            continue;
        };
        output.line(&tally_plan::explain(first));
        let labels: Vec<&str> = contest.arms.iter().map(|arm| arm.label.as_str()).collect();
        output.line(&format!(
            "Played on {} arms: {}, in this order:",
            labels.len(),
            labels.join(", ")
        ));
        let mut order = Vec::new();
        for turn in contest.turns() {
            let seed = contest.experiments[turn.arm][turn.pair as usize - 1].seed;
            output.line(&format!(
                "  trial {}, seed {seed}: {}",
                turn.pair, labels[turn.arm]
            ));
            order.push(json!({ "arm": labels[turn.arm], "trial": turn.pair, "seed": seed }));
        }
        documents.push(json!({ "name": first.name, "arms": labels, "order": order }));
    }
    output.document(&json!({ "dry_run": true, "comparisons": documents }));
    Exit::Pass
}
