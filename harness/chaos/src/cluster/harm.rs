//! What is done to processes and machines of a kind cluster, which are processes and containers of this machine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tally_cluster::{Operator, PodFact};

use super::told;
use crate::fault::Problem;

/// The process of a container, found by the container's name among this machine's control groups: on kind the cluster's
/// machines are containers here.
pub(super) fn process_of(container: &str) -> Option<rustix::process::Pid> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let inside = |number: &i32| {
        let groups = std::fs::read_to_string(Path::new("/proc").join(number.to_string()).join("cgroup"));
        groups.is_ok_and(|groups| groups.contains(container))
    };
    numbers
        .filter(inside)
        .min()
        .and_then(rustix::process::Pid::from_raw)
}

/// SIGKILL to the container's process where it can be reached, else a deletion without grace, which the kubelet does by SIGKILL.
pub(super) fn kill(operator: &Operator, pod: &PodFact) -> Result<(), Problem> {
    let process = pod.container.as_deref().and_then(process_of);
    match process {
        Some(process) => rustix::process::kill_process(process, rustix::process::Signal::KILL)
            .map_err(|error| Problem(format!("{} was not killed: {error}", pod.name))),
        None => operator.delete(pod, Some(0)).map_err(told),
    }
}

/// Runs a shell script in a session of its own, so that what it heals is healed although the harness may be gone.
pub(super) fn outlive(script: &str) -> Result<(), Problem> {
    let started = Command::new("setsid")
        .args(["--fork", "sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match started {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Problem(format!("setsid: {status}"))),
        Err(error) => Err(Problem(format!("setsid: {error}"))),
    }
}

/// Kills a machine of a kind cluster and has it started again after `duration` by a process that outlives this one.
pub(super) fn kill_machine(machine: &str, duration: Duration) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem(format!("docker: {error}"));
    let script = format!("sleep {}; docker start {machine}", duration.as_secs_f64());
    outlive(&script)?;
    let killed = Command::new("docker")
        .args(["kill", machine])
        .output()
        .map_err(failed)?;
    if killed.status.success() {
        Ok(())
    } else {
        let text = String::from_utf8_lossy(&killed.stderr).trim().to_owned();
        Err(Problem(format!("machine {machine} was not killed: {text}")))
    }
}

/// Whether Docker says that a machine of a kind cluster does not run.
pub(super) fn is_down(machine: &str) -> bool {
    let asked = Command::new("docker")
        .args(["inspect", "--format", "{{.State.Running}}", machine])
        .output();
    asked.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).trim() == "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No process is taken for that of a container that is not here.
    #[test]
    fn a_stranger_is_not_killed() {
        assert_eq!(process_of("no-container-has-this-name"), None);
    }
}
