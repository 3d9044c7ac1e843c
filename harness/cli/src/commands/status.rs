//! `tally status`.

use std::path::Path;

use serde_json::{Value, json};
use tally_load::Client;
use tally_local::{MachineStatus, Operator, State, StateFile};
use tally_model::PodPhase;

use crate::args::Status;
use crate::exit::Exit;
use crate::output::Output;

/// How long a question may take.
const ASK: std::time::Duration = std::time::Duration::from_secs(2);

/// Shows the platform that `up` started, and with `--leaks` every process of this program that nobody owns.
pub(crate) fn run(args: &Status, output: &Output) -> Exit {
    if args.target != "local" {
        return super::on_cluster::status(args, output);
    }
    if args.leaks {
        return leaks(output);
    }
    let state = match StateFile::locate().read() {
        Ok(Some(state)) => state,
        Ok(None) => {
            output.line("nothing runs; `tally up` starts a platform, `tally run` starts its own");
            output.document(&json!({ "running": false }));
            return Exit::Pass;
        }
        Err(error) => {
            output.error(&error.to_string(), None);
            return Exit::Environment;
        }
    };
    let machine = Operator::new(state.supervisor).and_then(|mut operator| operator.status());
    match machine {
        Ok(machine) => {
            show(&state, &machine, output);
            Exit::Pass
        }
        Err(error) => {
            output.error(
                &error.to_string(),
                Some("`tally down` forgets a platform that is gone"),
            );
            Exit::Environment
        }
    }
}

fn show(state: &State, machine: &MachineStatus, output: &Output) {
    let platform: Value = Client::new(state.http, ASK)
        .status()
        .ok()
        .and_then(|reply| serde_json::from_slice(&reply.body).ok())
        .unwrap_or(Value::Null);
    output.line(&format!("gateway        http://{}", state.http));
    let control = &machine.control_plane.pod;
    output.line(&format!(
        "control plane  {:?}, process {}, restarted {} time(s)",
        control.phase,
        control.process.unwrap_or(0),
        control.incarnation
    ));
    let running = machine
        .pods
        .iter()
        .filter(|occupant| occupant.pod.phase == PodPhase::Running)
        .count();
    output.line(&format!("pods           {running} of {} run", machine.pods.len()));
    output.line(&format!("pending        {}", platform["pending"]));
    for layer in platform["layers"].as_array().into_iter().flatten() {
        output.line(&format!(
            "layer {:<9}{} waiting, {} in flight, {} set(s) ready, {} starting",
            layer["operation"].as_str().unwrap_or("?"),
            layer["visible"],
            layer["in_flight"],
            layer["ready"],
            layer["starting"]
        ));
    }
    for fault in &machine.faults {
        output.line(&format!("fault          {fault}"));
    }
    let pods: Vec<_> = machine.pods.iter().map(|occupant| &occupant.pod).collect();
    output.document(&json!({
        "running": true, "http": state.http, "control_plane": control, "pods": pods,
        "faults": machine.faults, "platform": platform,
    }));
}

/// Processes `tally serve ...` whose parent is not one of ours: the supervisor of a run follows the run, pods follow it.
fn leaks(output: &Output) -> Exit {
    let known = StateFile::locate()
        .read()
        .ok()
        .flatten()
        .map(|state| state.process);
    let orphans: Vec<(u32, String)> = processes()
        .into_iter()
        .filter(|(id, _)| Some(*id) != known)
        .collect();
    for (id, command) in &orphans {
        output.line(&format!("process {id}: {command}"));
    }
    output.document(&json!({ "leaks": orphans.iter().map(|(id, command)| json!({"process": id, "command": command})).collect::<Vec<_>>() }));
    if orphans.is_empty() {
        output.line("nothing is left over");
        Exit::Pass
    } else {
        Exit::Cleanup
    }
}

/// Roles of the platform whose parent is process 1 or gone.
pub(super) fn processes() -> Vec<(u32, String)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let number = |entry: std::fs::DirEntry| {
        entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
    };
    entries.flatten().filter_map(number).filter_map(orphan).collect()
}

/// True if the process has a file below the folder open. Of another user's process that cannot be seen; our folder is not its own.
pub(super) fn uses(id: u32, folder: &Path) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{id}/fd")) else {
        return false;
    };
    open.flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .any(|file| file.starts_with(folder))
}

/// True while the process exists and has not ended; a zombie waits for its parent only.
pub(super) fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn orphan(id: u32) -> Option<(u32, String)> {
    let command = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let parts: Vec<String> = command
        .split(|b| *b == 0)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    let program = parts.first()?.rsplit('/').next()?;
    if program != "tally" || parts.get(1).map(String::as_str) != Some("serve") {
        return None;
    }
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let parent: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
    (parent <= 1).then(|| (id, parts[1..].join(" ").trim().to_owned()))
}
