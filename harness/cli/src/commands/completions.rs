//! `tally completions SHELL`.

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::exit::Exit;

/// Prints the script.
pub(crate) fn run(args: &Completions) -> Exit {
    clap_complete::generate(args.shell, &mut Cli::command(), "tally", &mut std::io::stdout());
    Exit::Pass
}
