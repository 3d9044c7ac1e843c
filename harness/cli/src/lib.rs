//! The tally command line: one binary for the platform and the harness.
//!
//! `commands/` has a file per command; `run/` plays one experiment, `simulate/` in virtual time, `comparison/` the same one on
//! several arms, `agents/` from several processes; `output/` is what people and programs read.

mod agents;
mod args;
mod commands;
mod comparison;
#[cfg(feature = "cluster")]
mod deploy;
mod embed;
mod exit;
mod live_hpa;
mod output;
mod run;
mod simulate;

use std::process::ExitCode;

use clap::Parser;

pub use agents::AGENTS_MAX;
pub use embed::{Played, run_experiment};
pub use exit::Exit;
#[doc(hidden)]
pub use run::{Rehearsed, rehearse};

/// Messages are many small allocations, for which the C library's takes a tenth of the processor time of agreement.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the command line of this process.
///
/// A program that calls this first thing can be started as any role of the platform (`serve ROLE`), which is what the
/// supervisor does with the program it is part of.
pub fn main() -> ExitCode {
    match args::Cli::try_parse() {
        // A panic has been told on standard error by then; what is left is to say so in the exit code.
        Ok(cli) => std::panic::catch_unwind(|| commands::dispatch(cli))
            .unwrap_or(Exit::Bug)
            .into(),
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::BadInput
            } else {
                Exit::Pass
            };
            // A closed standard output leaves nobody to tell.
            let _ = error.print();
            exit.into()
        }
    }
}

/// True if this process was started as a role of the platform; then [`main`] must be called.
pub fn is_role() -> bool {
    std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == "serve")
}
