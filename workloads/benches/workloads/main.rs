//! `cargo bench --bench workloads -- [FILTER]`: workloads of the catalog through the real platform, and what they cost.
//!
//! The platform's processes are this program again (`serve ROLE`). Flags are criterion's: `--list`, `--exact`, `--test`,
//! `--quick`, `--save-baseline NAME`, `--baseline NAME`, `--baseline-lenient NAME`, `--noise-threshold SHARE`, `--verbose`,
//! and `--trials N`. Without `--bench` (`cargo test --benches`) every workload is played once for a second and only its
//! answers are judged. Exit codes are those of `tally`: 1 for a regression against a baseline, 2 if nothing was selected, 3 if too few trials
//! were left to be compared with `--baseline` (`--baseline-lenient` lets that pass).
//!
//! Speed is the median of several trials, each on a platform of its own; a comparison is the ratio of medians with its
//! bootstrap interval. Processor time per request moves less than wall time when the machine is busy: look at both.

mod baseline;
mod bound;
mod estimate;
mod flags;
mod metric;
mod primitives;
mod print;
mod processes;
mod session;
mod trial;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tally::Exit;

fn main() -> ExitCode {
    if tally::is_role() {
        return tally::main();
    }
    let exit = match flags::Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => session::Session::new(flags, &target()).run(),
        Err(problem) => {
            print::note(&format!("error: {problem}"));
            Exit::BadInput
        }
    };
    exit.into()
}

/// The target directory: where this program was built, which cargo marks.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    marked.map_or_else(|| Path::new("target").to_owned(), Path::to_owned)
}
