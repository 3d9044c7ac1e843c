//! `cargo bench -p tally-workloads --bench scaling -- [--seeds N] [--trace NAME] [--start SECONDS]`: every policy on the same arrivals
//! and service times of a trace set, as a queueing model in virtual time; then the same model in SimPy.
//!
//! The model is one layer with one queue, first come first served, sets that work on one task at a time, take a fixed time
//! to start, and finish their task before they go. What the whole platform adds is measured by `tally sim`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that fails must stop"
)]

mod layer;
mod peer;
mod score;
mod traces;

use std::time::Instant;

use score::{Table, scores};
use tally_model::Scaler;

struct Flags {
    seeds: u64,
    trace: Option<String>,
    start: f64,
    peer: bool,
}

fn flags() -> Flags {
    let mut flags = Flags {
        seeds: 3,
        trace: None,
        start: 2.0,
        peer: true,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{flag} needs a value"));
        match flag.as_str() {
            "--seeds" => flags.seeds = value().parse().expect("a number of seeds"),
            "--trace" => flags.trace = Some(value()),
            "--start" => flags.start = value().parse().expect("seconds"),
            "--no-peer" => flags.peer = false,
            // Cargo's own.
            "--bench" | "--test" => {}
            other => panic!("{other} is not a flag: --seeds N, --trace NAME, --start SECONDS, --no-peer"),
        }
    }
    flags
}

fn main() {
    let flags = flags();
    let started = Instant::now();
    let policies: Vec<Scaler> = Scaler::NAMES
        .iter()
        .filter_map(|name| Scaler::from_name(name))
        .collect();
    let mut table = Table::new(&policies);
    let mut events = 0;
    for trace in traces::set() {
        if flags.trace.as_deref().is_some_and(|wanted| wanted != trace.name) {
            continue;
        }
        for seed in 1..=flags.seeds {
            let arrivals = trace.tasks(seed);
            for &scaler in &policies {
                let run = layer::play(&trace, &arrivals, scaler, flags.start);
                events += run.events;
                table.add(trace.name, scaler, scores(&run));
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    table.print(flags.start);
    println!(
        "{events} events in {seconds:.2} s: {:.2} million per second on one thread",
        events as f64 / seconds / 1e6
    );
    if flags.peer {
        peer::compare();
    }
}
