//! How well the schedule is kept and what a request costs, against the same sink as the usual generators.
//!
//! `cargo bench -p tally-load` measures (about two minutes); without `--bench` a short run shows that everything works.
//! Peers that are not installed are named and skipped. Sink and CPU hogs are this program again, as child processes.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run must stop")]

mod accuracy;
mod floor;
mod peer;
mod sink;
mod throughput;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A hog ends itself if whoever started it is gone.
const HOG_LIFE: Duration = Duration::from_mins(1);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("sink") => sink::serve(arguments.get(1).is_some_and(|class| class == "fifo")),
        Some("hog") => hog(),
        Some("--list") => println!("generator: benchmark"),
        _ => {
            let full = arguments.iter().any(|argument| argument == "--bench");
            accuracy::measure(full);
            throughput::measure(full);
        }
    }
}

fn hog() {
    let end = Instant::now() + HOG_LIFE;
    while Instant::now() < end {
        std::hint::black_box((0..100_000u64).fold(0, u64::wrapping_add));
    }
}

/// One CPU hog per core for as long as it lives.
pub(crate) struct Hogs(Vec<Child>);

impl Hogs {
    pub(crate) fn on_every_core() -> Self {
        let cores = std::thread::available_parallelism().unwrap().get();
        Self(
            (0..cores)
                .map(|_| this_program().arg("hog").stdin(Stdio::null()).spawn().unwrap())
                .collect(),
        )
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

pub(crate) fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}
