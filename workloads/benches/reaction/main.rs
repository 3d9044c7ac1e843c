//! `cargo bench -p tally-workloads --bench reaction -- [PROTOCOL] [EPISODES]`: how soon a new worker answers on the local world.
//!
//! One layer at a time, sudden bursts on a platform at rest. Measured is, per burst, the time from the enqueue that brings
//! the layer above the threshold (the fifth message) to the first answer of a set that was not there before; both are
//! observations of the platform, one clock. The target is 100 ms for 99 % of the bursts.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that fails must stop"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use tally_model::{Observation, Operation, SetId, Step};

/// What 99 % of the bursts may take, in nanoseconds.
const TARGET: u64 = 100_000_000;
/// Between two bursts on one layer, in stretches of [`BUCKET`].
const PERIOD: usize = 10;
/// Length of a burst.
const BUCKET: &str = "400ms";

fn main() -> ExitCode {
    if tally::is_role() {
        return tally::main();
    }
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|flag| !flag.starts_with("--"))
        .collect();
    let protocol = arguments.first().map_or("none", String::as_str);
    let wanted = arguments.get(1).and_then(|count| count.parse().ok());
    // Without `--bench` (cargo test) one burst shows that it works.
    let bench = std::env::args().any(|flag| flag == "--bench");
    let episodes = wanted.unwrap_or(if bench { 25 } else { 1 });
    let runs = tempfile::tempdir().unwrap();
    let played =
        tally::run_experiment(&experiment(protocol, episodes), runs.path()).expect("the experiment is valid");
    let directory = played.directory.expect("a run has a directory");
    let mut times = reactions(&directory.join("trials/0001/events.jsonl"));
    times.sort_unstable();
    let Some(last) = times.last() else {
        println!(
            "no new set answered anything; the run ended with {:?}",
            played.exit
        );
        return ExitCode::FAILURE;
    };
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1] as f64 / 1e6;
    println!(
        "{protocol}: {} of {} bursts brought a new set; fifth message to first answer of the new worker: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, \
         longest {:.1} ms; the run ended with {:?}",
        times.len(),
        episodes * 4,
        at(50),
        at(90),
        at(99),
        *last as f64 / 1e6,
        played.exit
    );
    let late = times.iter().filter(|time| **time > TARGET).count();
    println!("{late} of {} took more than 100 ms", times.len());
    if played.exit == tally::Exit::Pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Bursts of 24 tasks on each layer in turn, with time in between to let the added set go again.
fn experiment(protocol: &str, episodes: usize) -> String {
    let mut text = format!(
        "version = 1\nname = \"reaction\"\nphases = {{ measure = \"{}ms\", drain = \"10s\" }}\n\n\
         [platform]\nprotocol = \"{protocol}\"\nscaler = \"threshold\"\nthreshold = 4\nmin = 1\nmax = 2\n\
         scale-down-after = \"300ms\"\nwork = {{ kind = \"delay\", mean = \"20ms\", dist = \"fixed\" }}\n",
        episodes * PERIOD * 400
    );
    for (place, sign) in ["+", "-", "*", "/"].into_iter().enumerate() {
        let mut counts = vec![0; episodes * PERIOD];
        for episode in 0..episodes {
            counts[episode * PERIOD + place * 2 + 1] = 24;
        }
        text.push_str(&format!(
            "\n[[load]]\nname = \"bursts-{place}\"\npattern = \"trace\"\nbucket = \"{BUCKET}\"\ncounts = {counts:?}\n\
             expr = {{ kind = \"flat\", ops = [\"{sign}\"] }}\n"
        ));
    }
    text
}

/// Nanoseconds from each time that a layer went above the threshold to the first answer of a set that was new.
fn reactions(events: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(events).unwrap();
    let mut over: BTreeMap<Operation, u64> = BTreeMap::new();
    let mut born: BTreeMap<SetId, bool> = BTreeMap::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<Observation>(line) else {
            continue;
        };
        match (event.step, event.operation, event.set) {
            (Step::OverThreshold, Some(operation), _) => {
                over.insert(operation, event.at.as_nanos());
            }
            (Step::CallAccepted, Some(operation), Some(set)) => {
                born.insert(set, over.contains_key(&operation));
            }
            (Step::BacklogDrained, Some(operation), _) => {
                over.remove(&operation);
            }
            (Step::FirstAnswer, Some(operation), Some(set)) if born.get(&set) == Some(&true) => {
                if let Some(since) = over.remove(&operation) {
                    found.push(event.at.as_nanos().saturating_sub(since));
                }
            }
            _ => {}
        }
    }
    found
}
