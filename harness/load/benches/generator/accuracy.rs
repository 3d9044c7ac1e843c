//! Lag behind the declared schedule, seen at a sink that stamps arrivals, idle and with a hog on every core; first of a thread
//! that sends nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tally_load::{Control, Options, Report, Shots, Spin, Submission, run, serialise};

use crate::Hogs;
use crate::peer::{Grid, PEERS, WORKERS};
use crate::sink::{Arrival, Sink};

/// Pairs of a thread that sends nothing and our generator. A shared machine halts its cores now and then, also in one of these.
const ROUNDS: usize = 3;

/// What one run looked like at the sink.
struct Seen {
    p50: f64,
    p99: f64,
    p999: f64,
    worst: f64,
    rate_error: f64,
}

impl Seen {
    /// Of at least one lag, in order, in microseconds.
    fn of(lags: &[f64], rate_error: f64) -> Self {
        let at = |q: f64| lags[((lags.len() as f64 * q).ceil() as usize).clamp(1, lags.len()) - 1];
        Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            worst: at(1.0),
            rate_error,
        }
    }
}

pub(crate) fn measure(full: bool) {
    let (rates, seconds): (&[u64], u64) = if full { (&[1_000, 10_000], 4) } else { (&[200], 1) };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("Load before: {}", load.trim());
    println!("Lag of arrivals at the sink behind the declared schedule, microseconds, {seconds} s each");
    println!("rate/s cores generator            p50       p99      p99.9        max  rate err  notes");
    for rate in rates {
        for hogged in [false, true] {
            let hogs = hogged.then(Hogs::on_every_core);
            row(*rate, seconds, hogged, full);
            drop(hogs);
        }
    }
}

/// All generators at one rate, each of ours after a thread that only waits, which is what the machine then allows one thread.
fn row(rate: u64, seconds: u64, hogged: bool, full: bool) {
    let cores = if hogged { "hog" } else { "idle" };
    let mut sink = Sink::start("fifo");
    let rounds = if full { ROUNDS } else { 1 };
    let (mut waiting, mut by_own_record, mut at_sink) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let floor = Seen::of(&crate::floor::lags(rate, seconds), 0.0);
        let note = "a thread that only waits for its deadlines";
        print(rate, cores, "nothing fifo", &floor, note);
        let (seen, own) = noted(&mut sink, (rate, cores, "tally fifo"), seconds, |_| {});
        waiting.push(floor.p999);
        by_own_record.push(own);
        at_sink.push(seen.p999);
    }
    noted(&mut sink, (rate, cores, "tally alone"), seconds, |options| {
        options.standby = false;
    });
    noted(&mut sink, (rate, cores, "tally plain"), seconds, |options| {
        options.realtime = false;
    });
    // A peer runs once, so it is held against the middle one of ours.
    let own = spread(&mut at_sink).0;
    let (middle, worst) = spread(&mut by_own_record);
    println!(
        "{rate:>6} {cores:5} p99.9 of tally fifo, {rounds} rounds: median {middle:.1}, worst {worst:.1} by its own record; at the sink, median {own:.1}; of nothing fifo, median {:.1}",
        spread(&mut waiting).0,
    );
    for peer in PEERS.iter().filter(|_| full) {
        sink.take();
        if !peer.run(rate, seconds, sink.address) {
            println!(
                "{rate:>6} {cores:5} {:14} SKIPPED: not installed, not measured",
                peer.name
            );
            continue;
        }
        match seen(&sink.take(), rate, peer.grid) {
            Some(seen) => {
                print(
                    rate,
                    cores,
                    peer.name,
                    &seen,
                    &format!("p99.9 is {:.1}x of ours", seen.p999 / own),
                );
            }
            None => println!(
                "{rate:>6} {cores:5} {:14} FAILED: no requests arrived, not measured",
                peer.name
            ),
        }
    }
}

/// The median and the greatest of at least one.
fn spread(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[values.len() - 1])
}

/// One run of ours, with what its own record says: what was seen, and its own p99.9, in microseconds.
fn noted(
    sink: &mut Sink,
    (rate, cores, name): (u64, &str, &str),
    seconds: u64,
    change: fn(&mut Options),
) -> (Seen, f64) {
    let stolen = steal();
    let (options, report, seen) = ours(sink, rate, seconds, change);
    let stolen = steal() - stolen;
    let own = report.lag.value_at_quantile(0.999) as f64 / 1e3;
    let note = format!(
        "own record p50 {:.1} p99.9 {own:.1} max {:.0}; {} relieved, run delay {:.1} ms, stolen {stolen} ms, cpu {:.0} %{}",
        report.lag.value_at_quantile(0.5) as f64 / 1e3,
        report.lag.max() as f64 / 1e3,
        report.relieved,
        report.run_delay.as_secs_f64() * 1e3,
        100.0 * report.cpu_seconds / report.elapsed.as_secs_f64(),
        if options.realtime && !report.realtime {
            "; SCHED_FIFO NOT PERMITTED"
        } else {
            ""
        },
    );
    print(rate, cores, name, &seen, &note);
    (seen, own)
}

fn print(rate: u64, cores: &str, name: &str, seen: &Seen, note: &str) {
    println!(
        "{rate:>6} {cores:5} {name:14} {:>9.1} {:>9.1} {:>10.1} {:>10.1} {:>8.3}%  {note}",
        seen.p50,
        seen.p99,
        seen.p999,
        seen.worst,
        100.0 * seen.rate_error,
    );
}

fn ours(sink: &mut Sink, rate: u64, seconds: u64, change: fn(&mut Options)) -> (Options, Report, Seen) {
    let shots = constant(sink, rate * seconds, Duration::from_nanos(1_000_000_000 / rate));
    let mut options = Options {
        connections_min: 16,
        spin: Spin::Adaptive(Duration::from_micros(60)),
        start: Instant::now() + Duration::from_millis(100),
        ..Options::to(sink.address)
    };
    change(&mut options);
    sink.take();
    let report = run(&options, &shots, &Control::new(0).unwrap()).unwrap();
    let seen = seen(&sink.take(), rate, Grid::Shared).unwrap();
    (options, report, seen)
}

/// Milliseconds the hypervisor kept from all cores since boot: lag that no program here can avoid.
fn steal() -> u64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = text
        .lines()
        .next()
        .and_then(|line| line.split_ascii_whitespace().nth(8)?.parse::<u64>().ok());
    // The kernel reports in hundredths of a second whatever its own tick is.
    ticks.unwrap_or(0) * 10
}

/// `count` different submissions, one every `gap`.
pub(crate) fn constant(sink: &Sink, count: u64, gap: Duration) -> Shots {
    let mut shots = Shots::new();
    for n in 0..count {
        let key = format!("bench-{n:016x}");
        let submission = Submission {
            target: sink.address,
            expression: "((3+5)*(4/2))",
            idempotency_key: &key,
            tag: Some("bench"),
            work_key: Some(n),
        };
        shots.push(n, Duration::from_nanos(gap.as_nanos() as u64 * n), |out| {
            serialise(&submission, out);
        });
    }
    shots
}

/// Lag of each arrival behind its place on the grid that fits best: no arrival is early and one is exactly on time.
fn seen(arrivals: &[Arrival], rate: u64, grid: Grid) -> Option<Seen> {
    let mut schedules: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (time, connection) in arrivals {
        let key = if grid == Grid::Shared { 0 } else { *connection };
        schedules.entry(key).or_default().push(*time);
    }
    // A sink that was late reads several connections in any order; the kernel's stamps tell which came first.
    for times in schedules.values_mut() {
        times.sort_unstable();
    }
    let share = if grid == Grid::Shared {
        rate
    } else {
        rate / WORKERS
    };
    let gap = 1e9 / share as f64;
    let mut lags = Vec::new();
    let (mut sent, mut wanted) = (0.0, 0.0);
    for times in schedules.values().filter(|times| times.len() > 10) {
        let first = times[0];
        let late = |(index, time): (usize, &u64)| (*time - first) as f64 - index as f64 * gap;
        let on_time = times.iter().enumerate().map(late).fold(f64::INFINITY, f64::min);
        lags.extend(
            times
                .iter()
                .enumerate()
                .map(late)
                .map(|lag| (lag - on_time) / 1e3),
        );
        sent += (times.len() - 1) as f64;
        wanted += (times[times.len() - 1] - first) as f64 / gap;
    }
    if lags.is_empty() {
        return None;
    }
    lags.sort_by(f64::total_cmp);
    Some(Seen::of(&lags, sent / wanted - 1.0))
}
