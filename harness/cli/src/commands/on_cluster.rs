//! `up`, `down` and `status` for the targets `kind` and `kube`.

use std::time::Duration;

use serde_json::json;
use tally_cluster::{LOAD, Operator, Options, Platform, PodFact, SYSTEM, WORKERS, waits_of_pods};

use crate::args::{ClusterArgs, Down, Run, Status, Up};
use crate::deploy::{self, Arm, ClusterTarget, Deploy};
use crate::exit::Exit;
use crate::output::{Output, Progress};
use crate::run::{Cluster, Settings, wait_until_ready};

/// How long pods may take to come up: an image may have to be loaded from a disk.
const START: Duration = Duration::from_mins(4);

/// The cluster that the flags mean, or how to leave.
pub(crate) fn target(name: &str, args: &ClusterArgs, output: &Output) -> Result<ClusterTarget, Exit> {
    match deploy::resolve(name, args) {
        Ok(Some(target)) => Ok(target),
        Ok(None) => {
            let help = "there are local, kind and kube; `tally run` also has sim";
            output.error(&format!("there is no target `{name}` for this"), Some(help));
            Err(Exit::BadInput)
        }
        Err((problem, help)) => {
            output.error(&problem, Some(help));
            Err(Exit::BadInput)
        }
    }
}

/// Brings cluster, images and objects there. Objects that are there are left alone unless `anew`.
pub(crate) fn install(
    target: &ClusterTarget,
    anew: bool,
    build: bool,
    progress: &mut Progress,
) -> Result<(), String> {
    let deploy = Deploy::locate()?;
    if let Some(name) = &target.kind {
        deploy.cluster(name, progress)?;
        if anew || deploy::leftovers(&target.context)?.is_empty() {
            deploy.images(name, build, progress)?;
        }
    }
    deploy.arm(target, Arm::Own, progress)
}

/// Makes or reuses the cluster, applies deploy/, and waits until the platform answers.
pub(super) fn up(args: &Up, output: &Output) -> Exit {
    let target = match target(&args.target, &args.cluster, output) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    let platform = match super::up::configured(args, output) {
        Ok(platform) => platform,
        Err(exit) => return exit,
    };
    let mut progress = output.progress();
    let started = install(&target, true, !args.no_build, &mut progress)
        .and_then(|()| start(&target, platform, Arm::Own, &mut progress));
    drop(progress);
    match started {
        Ok(platform) => {
            output.line(&format!("http://{}", platform.http()));
            output.document(
                &json!({ "http": platform.http(), "context": target.context, "cluster": platform.cluster() }),
            );
            output.note(&format!("stop it with: tally down --target {}", args.target));
            Exit::Pass
        }
        Err(problem) => {
            let help = format!(
                "`tally down --target {}` removes what was made; `kubectl --context {} get pods -A` shows it",
                args.target, target.context
            );
            output.error(&problem, Some(&help));
            Exit::Setup
        }
    }
}

/// Starts the roles anew and waits until every layer has its sets.
pub(crate) fn start(
    target: &ClusterTarget,
    mut platform: tally_model::PlatformConfig,
    arm: Arm,
    progress: &mut Progress,
) -> Result<Platform, String> {
    let (timing, changed) = waits_of_pods(platform.timing);
    platform.timing = timing;
    if !changed.is_empty() {
        let waits: Vec<String> = changed
            .iter()
            .map(|(name, wait)| format!("{name} {wait:?}"))
            .collect();
        progress.event(&format!(
            "waits of pods, which share processors: {}",
            waits.join(", ")
        ));
    }
    Deploy::locate()?.arm(target, arm, progress)?;
    let options = Options {
        context: target.context.clone(),
        sets: arm.sets(&platform),
        platform,
        http: target.gateway,
        timeout: START,
    };
    progress.step(&format!("starting the roles on {}", target.context));
    let platform = Platform::start(&options).map_err(|error| error.to_string())?;
    wait_until_ready(&Cluster::of(&platform), &options.platform, START, progress)?;
    Ok(platform)
}

/// Makes the cluster and the platform's objects ready for runs.
pub(super) fn prepare(args: &Run, settings: &mut Settings, output: &Output) -> Result<(), Exit> {
    let target = target(&args.target, &args.cluster, output)?;
    if args.attach {
        let help = "a trial starts the roles with its own configuration; leave --attach out";
        output.error(
            &format!("--attach does not go with --target {}", args.target),
            Some(help),
        );
        return Err(Exit::BadInput);
    }
    let mut progress = output.progress();
    let installed = install(&target, false, true, &mut progress);
    drop(progress);
    installed.map_err(|problem| complain(&problem, Exit::Environment, output))?;
    settings.cluster = Some((target, Arm::Own));
    Ok(())
}

/// Removes everything of ours, and the cluster itself if asked to.
pub(super) fn down(args: &Down, output: &Output) -> Exit {
    let target = match target(&args.target, &args.cluster, output) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    if args.dry_run {
        return match deploy::leftovers(&target.context) {
            Ok(found) => {
                for name in &found {
                    output.line(&format!("would remove {name}"));
                }
                output.document(&json!({ "would_remove": found }));
                Exit::Pass
            }
            Err(problem) => complain(&problem, Exit::Environment, output),
        };
    }
    let mut progress = output.progress();
    let removed = match (&target.kind, args.delete_cluster) {
        (Some(name), true) => Deploy::locate().and_then(|deploy| deploy.remove_cluster(name, &mut progress)),
        _ => deploy::remove(&target.context, &mut progress),
    };
    drop(progress);
    match removed {
        Ok(()) => {
            output.line("stopped");
            output.document(&json!({ "stopped": true }));
            Exit::Pass
        }
        Err(problem) => complain(&problem, Exit::Cleanup, output),
    }
}

/// Shows the platform's pods, or with `--leaks` what of ours is on the cluster.
pub(super) fn status(args: &Status, output: &Output) -> Exit {
    let target = match target(&args.target, &args.cluster, output) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    if args.leaks {
        return leaks(&target, output);
    }
    match Operator::connect(&target.context) {
        Ok(operator) => {
            let pods = operator.pods();
            show(&pods, output);
            Exit::Pass
        }
        Err(error) => complain(&error.to_string(), Exit::Environment, output),
    }
}

fn show(pods: &[PodFact], output: &Output) {
    let ours = pods
        .iter()
        .filter(|pod| [SYSTEM, WORKERS, LOAD].contains(&pod.namespace.as_str()));
    let mut told = Vec::new();
    for pod in ours {
        let state = if pod.gone {
            "going"
        } else if pod.ready {
            "ready"
        } else {
            "starting"
        };
        output.line(&format!(
            "{:<12}{:<32}{state:<10}{} restart(s) on {}",
            pod.component,
            pod.name,
            pod.restarts,
            pod.host.as_deref().unwrap_or("no machine yet")
        ));
        told.push(json!({
            "component": pod.component, "pod": pod.name, "state": state, "restarts": pod.restarts, "host": pod.host,
        }));
    }
    if told.is_empty() {
        output.line("nothing runs");
    }
    output.document(&json!({ "running": !told.is_empty(), "pods": told }));
}

fn leaks(target: &ClusterTarget, output: &Output) -> Exit {
    match deploy::leftovers(&target.context) {
        Ok(found) => {
            for name in &found {
                output.line(name);
            }
            output.document(&json!({ "leaks": found }));
            if found.is_empty() {
                output.line("nothing is left over");
                Exit::Pass
            } else {
                Exit::Cleanup
            }
        }
        Err(problem) => complain(&problem, Exit::Environment, output),
    }
}

fn complain(problem: &str, exit: Exit, output: &Output) -> Exit {
    output.error(problem, Some("`tally doctor` says what is missing here"));
    exit
}
