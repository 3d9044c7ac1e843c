//! Swarms and twins for the command line: many seeds on all cores, a verdict, and the one command that plays a bad one again.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tally_model::Protocol;
use tally_simulated::swarm::{Draw, Report, run, shrink};
use tally_simulated::{Coverage, Sometimes, twins};

use super::threads::on_threads;
use super::trial::thread_cpu;
use crate::exit::Exit;
use crate::output::Output;

/// Failing seeds that are shown; one is enough to work on, several tell whether they are one thing.
const SHOWN: usize = 5;
/// From so many seeds on, everything that has to happen sometimes must have happened, in at least so many of them.
const COVERED: u64 = 200;
const SOMETIMES: u64 = 10;

/// What to play.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    pub(crate) first: u64,
    pub(crate) seeds: u64,
    /// Ends it early.
    pub(crate) limit: Option<Duration>,
    pub(crate) jobs: usize,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) shrink: bool,
    pub(crate) coverage: bool,
    pub(crate) trace: bool,
}

/// All seeds together.
#[derive(Debug, Default)]
struct Total {
    seeds: u64,
    events: u64,
    turns: u64,
    simulated: Duration,
    cpu: Duration,
    /// The most that was said within one second of a seed, and the seed.
    busiest: (u32, u64),
    coverage: Coverage,
    failed: Vec<Report>,
    /// Over all traces, whatever the order in which seeds ended.
    trace: u128,
}

impl Total {
    fn add(&mut self, report: Report, cpu: Duration) {
        self.seeds += 1;
        self.events += report.work.events;
        self.turns += report.work.turns;
        self.simulated += report.simulated;
        self.cpu += cpu;
        self.busiest = self.busiest.max((report.busiest, report.seed));
        self.coverage.add(&report.coverage);
        let trace = u128::from_str_radix(&report.trace, 16).unwrap_or(0);
        self.trace ^= trace.wrapping_mul(u128::from(report.seed) * 2 + 1);
        if report.violation.is_some() {
            self.failed.push(report);
        }
    }
}

/// The bug that every thread of a swarm has.
#[cfg(feature = "mutants")]
static PLANTED: std::sync::OnceLock<tally_consensus::mutant::Mutant> = std::sync::OnceLock::new();

/// Plants a bug in all that is simulated from now on.
#[cfg(feature = "mutants")]
pub(crate) fn plant(mutant: tally_consensus::mutant::Mutant) {
    PLANTED.get_or_init(|| mutant);
}

/// Bugs belong to threads.
pub(super) fn infect() {
    #[cfg(feature = "mutants")]
    tally_consensus::mutant::choose(PLANTED.get().copied());
}

/// Plays a swarm to its verdict.
pub(crate) fn swarm(swarm: &Swarm, output: &Output) -> (Exit, Value) {
    let mut progress = output.progress();
    progress.step(&format!(
        "swarm: {} seed(s) from {} on {} core(s)",
        swarm.seeds, swarm.first, swarm.jobs
    ));
    let started = Instant::now();
    let mut total = Total::default();
    on_threads(
        swarm.jobs,
        swarm.seeds,
        |index| {
            let draw = Draw::new(swarm.first.wrapping_add(index), &swarm.protocols);
            let before = thread_cpu();
            let report = run(&draw, tally_check::reference::evaluate, swarm.trace);
            (report, thread_cpu().saturating_sub(before))
        },
        |_, (report, cpu)| {
            total.add(report, cpu);
            progress.tick(&format!(
                "{} of {} seeds, {} violation(s)",
                total.seeds,
                swarm.seeds,
                total.failed.len()
            ));
            let late = swarm.limit.is_some_and(|limit| started.elapsed() >= limit);
            if late || total.failed.len() >= SHOWN {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    );
    drop(progress);
    total.failed.sort_by_key(|report| report.seed);
    conclude(swarm, &total, started.elapsed(), output)
}

/// What can happen to these protocols and did in too few seeds.
fn rare(swarm: &Swarm, coverage: &Coverage) -> Vec<&'static str> {
    let possible = |what: &Sometimes| swarm.protocols.iter().any(|&protocol| what.is_of(protocol));
    let all = Sometimes::ALL.into_iter().filter(possible);
    let rare = all.filter(|what| coverage.runs(*what) < SOMETIMES);
    rare.map(Sometimes::name).collect()
}

fn conclude(swarm: &Swarm, total: &Total, real: Duration, output: &Output) -> (Exit, Value) {
    let cpu = total.cpu.as_secs_f64().max(1e-9);
    for report in &total.failed {
        tell(swarm, report, output);
    }
    let missing = rare(swarm, &total.coverage);
    if swarm.coverage {
        for what in Sometimes::ALL {
            let (count, runs) = (total.coverage.count(what), total.coverage.runs(what));
            output.line(&format!("  {:<24} {count:>9} in {runs:>5} seed(s)", what.name()));
        }
    }
    output.line(&format!(
        "{} seed(s), {} violation(s); {:.0} s simulated in {:.1} s ({:.0} times real time); {} events, {:.2} million per CPU-second; {} packets said in the busiest second (seed {}); trace {:032x}",
        total.seeds,
        total.failed.len(),
        total.simulated.as_secs_f64(),
        real.as_secs_f64(),
        total.simulated.as_secs_f64() / real.as_secs_f64().max(1e-9),
        total.events,
        total.events as f64 / cpu / 1e6,
        total.busiest.0,
        total.busiest.1,
        total.trace
    ));
    let mut exit = if total.failed.is_empty() {
        Exit::Pass
    } else {
        Exit::Unsafe
    };
    if total.seeds >= COVERED && total.failed.is_empty() && !missing.is_empty() {
        output.error(
            &format!("happened in fewer than {SOMETIMES} seeds: {}", missing.join(", ")),
            Some("a swarm in which these do not happen proves nothing about them; more seeds, or other odds"),
        );
        exit = exit.worse(Exit::Fail);
    }
    let failed: Vec<Value> = total
        .failed
        .iter()
        .map(|report| json!({"seed": report.seed, "violation": report.violation.as_ref().map(ToString::to_string)}))
        .collect();
    let document = json!({
        "exit_code": exit.code(), "seeds": total.seeds, "failed": failed, "events": total.events, "turns": total.turns,
        "cpu_seconds": cpu, "simulated_seconds": total.simulated.as_secs_f64(), "trace": format!("{:032x}", total.trace),
        "rare": missing, "busiest_second": total.busiest.0, "busiest_seed": total.busiest.1,
    });
    (exit, document)
}

/// A failing seed: what it violated, how to see it again, and the schedule, made small if that was asked for.
fn tell(swarm: &Swarm, report: &Report, output: &Output) {
    let Some(violation) = &report.violation else {
        return;
    };
    for line in &report.lines {
        output.line(line);
    }
    output.line(&format!(
        "seed {}: violates {violation}; trace {}",
        report.seed, report.trace
    ));
    let protocols: Vec<&str> = swarm.protocols.iter().map(|protocol| protocol.name()).collect();
    let which = format!("--seed {} --protocols {}", report.seed, protocols.join(","));
    output.line(&again(&which, &report.trace));
    let mut draw = Draw::new(report.seed, &swarm.protocols);
    if swarm.shrink {
        draw = shrink(&draw, tally_check::reference::evaluate, |_| {});
    }
    output.line(&format!(
        "  {}, n = {}, {} request(s), {} blow(s):",
        draw.config.protocol,
        draw.config.replicas_per_set(),
        draw.requests,
        draw.blows.len()
    ));
    for blow in &draw.blows {
        output.line(&format!("    {blow}"));
    }
}

/// The commands that play a failing seed again.
#[cfg(not(feature = "mutants"))]
fn again(which: &str, trace: &str) -> String {
    format!("  again: tally replay {which} --expect {trace}    smaller: tally sim {which} --shrink")
}

/// The commands that play a failing seed again; a planted bug is planted again, which only `sim` can.
#[cfg(feature = "mutants")]
fn again(which: &str, trace: &str) -> String {
    let planted = PLANTED.get().map(|mutant| format!("--mutant {} ", mutant.name()));
    let sim = format!("tally sim {}{which}", planted.unwrap_or_default());
    format!("  again: {sim} --trace (trace {trace})    smaller: {sim} --shrink")
}

/// Plays every scenario of twins.
pub(crate) fn all_twins(rounds: u32, jobs: usize, output: &Output) -> (Exit, Value) {
    let mut progress = output.progress();
    let all = twins::scenarios(rounds);
    progress.step(&format!("twins: {all} scenario(s) of {rounds} round(s)"));
    let started = Instant::now();
    let (mut played, mut messages, mut changes) = (0, 0, 0);
    let mut failed: Vec<(u64, String)> = Vec::new();
    on_threads(
        jobs,
        all,
        |number| twins::play(number, rounds, tally_check::reference::evaluate),
        |number, result| {
            played += 1;
            match result {
                Ok(result) => {
                    messages += result.messages;
                    changes += result.view_changes;
                    failed.extend(result.violation.map(|violation| (number, violation.to_string())));
                }
                Err(error) => failed.push((number, error.to_string())),
            }
            progress.tick(&format!(
                "{played} of {all} scenarios, {} violation(s)",
                failed.len()
            ));
            ControlFlow::Continue(())
        },
    );
    drop(progress);
    failed.sort();
    for (number, violation) in failed.iter().take(SHOWN) {
        output.line(&format!(
            "scenario {number} of {rounds} round(s): violates {violation}"
        ));
    }
    output.line(&format!(
        "twins: {played} scenario(s), {} violation(s); {messages} messages, {changes} new view(s) sent, {:.1} s",
        failed.len(),
        started.elapsed().as_secs_f64()
    ));
    let exit = if failed.is_empty() {
        Exit::Pass
    } else {
        Exit::Unsafe
    };
    let document = json!({
        "exit_code": exit.code(), "scenarios": played, "failed": failed, "messages": messages, "new_views": changes,
    });
    (exit, document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(protocols: Vec<Protocol>) -> Swarm {
        Swarm {
            first: 0,
            seeds: COVERED,
            limit: None,
            jobs: 1,
            protocols,
            shrink: false,
            coverage: false,
            trace: false,
        }
    }

    /// What happened in ten seeds is covered, however often it happens in nine; what cannot happen to a protocol is not asked of it.
    #[test]
    fn what_happens_in_fewer_than_ten_seeds_is_rare() {
        let mut run = Coverage::default();
        for what in Sometimes::ALL {
            (0..20).for_each(|_| run.hit(what));
        }
        let swarm = of(vec![
            Protocol::None,
            Protocol::Pbft,
            Protocol::Collect,
            Protocol::Vote,
        ]);
        let mut coverage = Coverage::default();
        (0..SOMETIMES - 1).for_each(|_| coverage.add(&run));
        assert_eq!(rare(&swarm, &coverage).len(), Sometimes::ALL.len());
        coverage.add(&run);
        assert_eq!(rare(&swarm, &coverage), Vec::<&str>::new());
        let plain = rare(&of(vec![Protocol::None]), &Coverage::default());
        assert!(!plain.contains(&Sometimes::ViewChange.name()), "{plain:?}");
    }
}
