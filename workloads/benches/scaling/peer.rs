//! The same queueing model in SimPy, and how long an event takes there and here.

use std::process::Command;
use std::time::Instant;

use tally_model::Scaler;

use crate::layer;
use crate::traces;

/// One layer with a fixed number of sets, one queue, Poisson arrivals and exponential service.
const SCRIPT: &str = include_str!("peer.py");

/// Runs both and prints the ratio; says loudly if there is no SimPy.
pub(crate) fn compare() {
    let trace = traces::set()
        .into_iter()
        .find(|trace| trace.name == "steady")
        .unwrap();
    let tasks = trace.tasks(1);
    let (mut events, mut seconds, rounds) = (0, 0.0, 5);
    for _ in 0..rounds {
        let started = Instant::now();
        let run = layer::play(&trace, &tasks, Scaler::Fixed(5), 2.0);
        seconds += started.elapsed().as_secs_f64();
        // Arrivals and ends of service only: the peer has no looks of a policy.
        events += run.course.tasks.len() as u64 * 2;
    }
    let ours = seconds / events as f64 * 1e9;
    println!("\nhere: {events} arrivals and ends of service, {ours:.0} ns each");
    let python = std::env::var("TALLY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .args(["-c", SCRIPT, &tasks.len().to_string()])
        .output();
    let Some(text) = output.ok().filter(|output| output.status.success()) else {
        println!(
            "SKIPPED: no SimPy in {python}. Install it with `pip install simpy`, or name a python in TALLY_PYTHON."
        );
        return;
    };
    let text = String::from_utf8_lossy(&text.stdout);
    let mut numbers = text
        .split_whitespace()
        .filter_map(|word| word.parse::<f64>().ok());
    let (Some(theirs), Some(mean)) = (numbers.next(), numbers.next()) else {
        println!("SKIPPED: the peer printed {text:?}");
        return;
    };
    println!(
        "SimPy: {theirs:.0} ns each, mean response {:.1} ms; {:.0} times as long",
        mean * 1000.0,
        theirs / ours
    );
}
