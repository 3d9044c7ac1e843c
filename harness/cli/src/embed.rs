//! Experiments for other programs than the command line: a bench plays them and reads the report.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tally_model::Diagnostic;
use tally_reports::RunReport;

use crate::args::{Color, Global, Progress};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Settings, play};

/// A finished experiment.
#[derive(Clone, Debug)]
pub struct Played {
    /// The verdict.
    pub exit: Exit,
    /// The run directory; none if it could not be made.
    pub directory: Option<PathBuf>,
    /// What was measured; none if nothing was.
    pub report: Option<RunReport>,
}

/// Plays one experiment on a platform of its own and records it under `runs_dir`, as `tally run` does, without printing
/// anything but errors. Call it on the main thread: the platform ends with the thread that started it.
///
/// The program must begin with `if tally::is_role() { return tally::main(); }`, because the platform's processes are
/// this program again. From the first call on, Ctrl-C ends the load, and a second one the process.
///
/// # Errors
/// Every problem of the file.
pub fn run_experiment(source: &str, runs_dir: &Path) -> Result<Played, Vec<Diagnostic>> {
    static STAGE: OnceLock<(Output, Interrupt)> = OnceLock::new();
    let experiment = tally_plan::parse_with(source, &[])?;
    let (output, interrupt) = STAGE.get_or_init(|| (Output::new(&silent(runs_dir)), Interrupt::listen()));
    let settings = Settings::new(runs_dir);
    let finished = play(source, &experiment, &settings, *interrupt, output);
    Ok(Played {
        exit: finished.exit,
        directory: finished.directory,
        report: finished.report,
    })
}

fn silent(runs_dir: &Path) -> Global {
    Global {
        dir: None,
        runs_dir: runs_dir.to_owned(),
        quiet: true,
        verbose: 0,
        color: Color::Never,
        progress: Progress::None,
        json: false,
    }
}
