//! `tally completions SHELL`.

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::exit::Exit;
use crate::output::Output;

/// Prints the script.
pub(crate) fn run(args: &Completions, output: &Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tally", &mut script);
    output.raw(String::from_utf8_lossy(&script).trim_end());
    Exit::Pass
}
