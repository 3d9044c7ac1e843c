//! `tally down`.

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
    let file = StateFile::locate();
    let state = match file.read() {
        Ok(Some(state)) => state,
        Ok(None) => {
            output.line("nothing runs");
            output.document(&json!({ "stopped": false }));
            return Exit::Pass;
        }
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
        return Exit::Pass;
    }
    if is_alive(state.supervisor)
        && let Err(problem) = stop(&state)
    {
        output.error(&problem, Some("`tally status --leaks` shows what is left"));
        return Exit::Cleanup;
    }
    let removed = std::fs::remove_dir_all(&state.data);
    if let Err(error) = removed.or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }) {
        output.error(
            &format!("{} was not removed: {error}", state.data.display()),
            None,
        );
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

fn stop(state: &tally_local::State) -> Result<(), String> {
    let mut operator = Operator::new(state.supervisor).map_err(|error| error.to_string())?;
    operator.shutdown().map_err(|error| error.to_string())?;
    let until = Instant::now() + STOP;
    while is_alive(state.supervisor) {
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
