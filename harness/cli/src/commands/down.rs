//! `tally down`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tally_local::{Operator, StateFile};

use super::up::is_alive;
use crate::args::Down;
use crate::exit::Exit;
use crate::output::Output;

/// How long the platform may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// Stops the daemon and removes its files.
pub(crate) fn run(args: &Down, output: &Output) -> Exit {
    if args.target != "local" {
        return super::on_cluster::down(args, output);
    }
    let file = StateFile::locate();
    let state = match file.read() {
        Ok(Some(state)) => state,
        Ok(None) => return forget(&file, args, output),
        Err(error) => {
            output.error(
                &format!("{}: {error}", file.path().display()),
                Some("remove the file if no platform runs"),
            );
            return Exit::Environment;
        }
    };
    if args.dry_run {
        output.line(&format!(
            "would stop process {} and remove {}",
            state.process,
            state.data.display()
        ));
        output.document(&json!({ "would_stop": state.process, "would_remove": state.data }));
        return Exit::Pass;
    }
    if is_alive(state.supervisor)
        && let Err(problem) = stop(&state)
    {
        output.error(&problem, Some("`tally status --leaks` shows what is left"));
        return Exit::Cleanup;
    }
    if let Err(problem) = remove(&state.data) {
        output.error(&problem, None);
        return Exit::Cleanup;
    }
    if let Err(error) = file.remove() {
        output.error(
            &format!("{} was not removed: {error}", file.path().display()),
            None,
        );
        return Exit::Cleanup;
    }
    output.line("stopped");
    output.document(&json!({ "stopped": true }));
    Exit::Pass
}

/// Nothing is known to run; what a platform left that never came up is removed.
fn forget(file: &StateFile, args: &Down, output: &Output) -> Exit {
    let data = file.data_dir();
    if data.exists() && !args.dry_run {
        // As the kernel names it.
        let folder = data.canonicalize().unwrap_or_else(|_| data.clone());
        let mut orphans = super::status::processes().into_iter();
        if orphans.any(|(id, _)| super::status::uses(id, &folder)) {
            let help = "`tally status --leaks` names it; end it, then come back";
            output.error(
                &format!("a platform without a state file may still use {}", data.display()),
                Some(help),
            );
            return Exit::Cleanup;
        }
        if let Err(problem) = remove(&data) {
            output.error(&problem, None);
            return Exit::Cleanup;
        }
        output.line(&format!(
            "removed {}, which a platform that did not come up had left",
            data.display()
        ));
    }
    output.line("nothing runs");
    output.document(&json!({ "stopped": false }));
    Exit::Pass
}

/// Removes a folder; nothing to remove is success.
fn remove(data: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(data) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} was not removed: {error}", data.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn stop(state: &tally_local::State) -> Result<(), String> {
    let mut operator = Operator::new(state.supervisor).map_err(|error| error.to_string())?;
    operator.shutdown().map_err(|error| error.to_string())?;
    let until = Instant::now() + STOP;
    while is_alive(state.supervisor) || super::status::is_running(state.process) {
        if Instant::now() > until {
            return Err(format!(
                "the supervisor (process {}) does not stop",
                state.process
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
