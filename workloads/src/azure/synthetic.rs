//! Files of the form, made by us: a few functions with the habits that the paper describes.

use std::fmt::Write as _;

use crate::Stream;

/// The seed of the files in `workloads/traces`.
pub const SYNTHETIC_SEED: u64 = 2019;

/// What a function is like.
struct Habit {
    name: &'static str,
    trigger: &'static str,
    /// Mean invocations per minute at night.
    night: u64,
    /// And at noon.
    noon: u64,
    /// Invocations of a minute of a burst.
    burst: u64,
    /// Minutes between the starts of bursts, on average; 0 for none.
    every: u64,
    /// Median execution time in microseconds.
    median: u64,
}

/// Steady by day and night, diurnal, a timer, bursts of minutes, rare, and a queue with a long tail.
const HABITS: [Habit; 6] = [
    habit("steady", "http", [900, 1_100], [0, 0], 12_000),
    habit("diurnal", "http", [200, 2_400], [0, 0], 18_000),
    habit("timer", "timer", [0, 0], [600, 15], 9_000),
    habit("bursty", "event", [150, 300], [3_000, 90], 20_000),
    habit("rare", "http", [1, 4], [0, 0], 45_000),
    habit("queue", "queue", [400, 700], [1_800, 200], 15_000),
];

const fn habit(
    name: &'static str,
    trigger: &'static str,
    [night, noon]: [u64; 2],
    [burst, every]: [u64; 2],
    median: u64,
) -> Habit {
    Habit {
        name,
        trigger,
        night,
        noon,
        burst,
        every,
        median,
    }
}

/// The texts of an invocation file and of a duration file; equal seeds give equal texts.
pub fn synthetic(seed: u64) -> (String, String) {
    let minutes: Vec<String> = (1..=super::MINUTES).map(|minute| minute.to_string()).collect();
    let mut invocations = format!("HashOwner,HashApp,HashFunction,Trigger,{}\n", minutes.join(","));
    let columns = super::PERCENTILES.map(|percentile| format!("percentile_Average_{percentile}"));
    let mut durations = format!(
        "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,{}\n",
        columns.join(",")
    );
    for habit in &HABITS {
        let counts = counts(habit, &mut Stream::new(seed, habit.name, "invocations"));
        let total: u64 = counts.iter().sum();
        let texts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let who = format!("owner,app,{}", habit.name);
        // Writing to a String cannot fail.
        let _ = writeln!(invocations, "{who},{},{}", habit.trigger, texts.join(","));
        // Multiples of the median, in thousandths: a log-normal law with sigma 0.8 has about these.
        let values = [80_u64, 156, 583, 1_000, 1_715, 6_430, 12_500].map(|part| habit.median * part / 1_000);
        let values = values.map(|micros| format!("{}.{:03}", micros / 1_000, micros % 1_000));
        let average = habit.median * 1_377 / 1_000;
        let _ = writeln!(
            durations,
            "{who},{}.{:03},{total},{},{},{}",
            average / 1_000,
            average % 1_000,
            values[0],
            values[6],
            values.join(",")
        );
    }
    (invocations, durations)
}

/// A parabola over the day, with noise, and bursts of five to twenty minutes.
fn counts(habit: &Habit, stream: &mut Stream) -> Vec<u64> {
    let day = super::MINUTES as u64;
    let mut burst_left = 0;
    let minute = |minute: u64| {
        let up = 4 * minute * (day - minute);
        let mean = habit.night + (habit.noon - habit.night) * up / (day * day);
        // A tenth up or down.
        let noisy = mean * 9 / 10 + stream.below(mean / 5 + 1);
        if burst_left == 0 && habit.every > 0 && stream.below(habit.every) == 0 {
            burst_left = 5 + stream.below(16);
        }
        let bursts = burst_left > 0;
        burst_left -= u64::from(bursts);
        noisy + u64::from(bursts) * habit.burst
    };
    (0..day).map(minute).collect()
}
