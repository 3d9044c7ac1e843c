//! The same queueing model in SimPy, and how much CPU time an event takes there and here.

use std::process::Command;

use rustix::time::{ClockId, clock_gettime};
use tally_autoscale::station::erlang_c;
use tally_model::Scaler;

use crate::layer;
use crate::traces;

/// One layer with a fixed number of sets, one queue, Poisson arrivals and exponential service.
const SCRIPT: &str = include_str!("peer.py");
/// Sets of both.
const SETS: u32 = 5;
/// Pairs of runs, one here and one there.
const PAIRS: u64 = 9;

/// Nanoseconds of CPU time per event, and mean response in seconds.
#[derive(Clone, Copy)]
struct Measured {
    nanos: f64,
    mean: f64,
}

/// Runs both in turns and prints the ratio; says loudly if there is no SimPy.
pub(crate) fn compare() {
    let python = std::env::var("TALLY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut pairs = Vec::new();
    for seed in 1..=PAIRS {
        let (tasks, here) = ours(seed);
        let Some(there) = theirs(&python, tasks, seed) else {
            println!(
                "\nhere: {:.0} ns of CPU time per arrival or end of service\n\
                 SKIPPED: no SimPy in {python}. Install it with `pip install simpy`, or name a python in TALLY_PYTHON.",
                here.nanos
            );
            return;
        };
        pairs.push((here, there));
    }
    let median = |of: fn(&(Measured, Measured)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[0], values[values.len() / 2], values[values.len() - 1])
    };
    let (least, ratio, most) = median(|(here, there)| there.nanos / here.nanos);
    let load = 60.0 * 0.050;
    let exact = 0.050 + erlang_c(SETS, load) * 0.050 / (f64::from(SETS) - load);
    println!(
        "\nM/M/{SETS}, {PAIRS} pairs of runs, medians. CPU time per arrival or end of service, random numbers included: here {:.0} ns, \
         SimPy {:.0} ns, {ratio:.0} times as much ({least:.0} to {most:.0})\n\
         mean response: here {:.2} ms, SimPy {:.2} ms, Erlang's formula {:.2} ms",
        median(|(here, _)| here.nanos).1,
        median(|(_, there)| there.nanos).1,
        median(|(here, _)| here.mean * 1e3).1,
        median(|(_, there)| there.mean * 1e3).1,
        exact * 1e3
    );
}

/// How many tasks, and what they took. The looks of a policy, which the peer has not, are paid for but not counted.
fn ours(seed: u64) -> (usize, Measured) {
    let trace = traces::set()
        .into_iter()
        .find(|trace| trace.name == "steady")
        .unwrap();
    let started = cpu_seconds();
    let tasks = trace.tasks(seed);
    let run = layer::play(&trace, &tasks, Scaler::Fixed(SETS), 2.0);
    let seconds = cpu_seconds() - started;
    let served = &run.course.tasks;
    let total: f64 = served.iter().map(|task| task.response as f64).sum();
    let measured = Measured {
        nanos: seconds / (served.len() * 2) as f64 * 1e9,
        mean: total / served.len() as f64 / 1e9,
    };
    (tasks.len(), measured)
}

fn theirs(python: &str, tasks: usize, seed: u64) -> Option<Measured> {
    let output = Command::new(python)
        .args(["-c", SCRIPT, &tasks.to_string(), &seed.to_string()])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text
        .split_whitespace()
        .filter_map(|word| word.parse::<f64>().ok());
    Some(Measured {
        nanos: numbers.next()?,
        mean: numbers.next()?,
    })
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
