//! `tally compare A B [C...]`: stored runs side by side.

use crate::args::{Compare, Global};
use crate::comparison::{gather, present};
use crate::exit::Exit;
use crate::output::Output;

/// Compares runs and comparisons that are stored.
pub(crate) fn run(args: &Compare, global: &Global, output: &Output) -> Exit {
    let gathered = match gather(&global.runs_dir, &args.runs) {
        Ok(gathered) => gathered,
        Err(problems) => {
            let help = "runs are named `latest`, `burst/latest`, or by their path, with LABEL= before it if you like; a run without results was not judged";
            for missing in problems {
                output.error(&format!("{}: {}", missing.wanted, missing.problem), Some(help));
            }
            return Exit::BadInput;
        }
    };
    let directory = match &args.into {
        Some(place) => std::fs::create_dir_all(place)
            .map(|()| place.clone())
            .map_err(|error| format!("{}: {error}", place.display())),
        None => {
            let first = gathered.arms.first().and_then(|arm| arm.runs.first());
            let name = first.map_or("", |run| run.report.name.as_str());
            tally_capture::comparison_directory(&global.runs_dir, name).map_err(|error| error.to_string())
        }
    };
    let directory = match directory {
        Ok(directory) => directory,
        Err(problem) => {
            output.error(&problem, Some("choose another place with --into"));
            return Exit::Environment;
        }
    };
    let (exit, document) = present(&gathered, &directory, output);
    if !document.is_null() {
        output.document(&serde_json::json!({
            "exit_code": exit.code(), "directory": directory, "comparison": document,
        }));
    }
    exit
}
