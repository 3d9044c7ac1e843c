//! Writes a history of a million requests and measures how fast it is checked and summarised.
//!
//! `cargo run --release -p tally-check --example million [REQUESTS]`; `million write DIR [REQUESTS]` and `million check DIR` do the
//! two halves apart.

#![allow(
    clippy::unwrap_used,
    reason = "support code of tests ends the test where it fails"
)]

#[allow(dead_code, reason = "shared with tests that use more of it")]
#[path = "../tests/support/platform.rs"]
mod platform;

use std::path::Path as FilePath;
use std::time::Instant;

use platform::{Mint, certify, set_of, trial_keys};
use tally_capture::{
    Analysis, CaptureError, Environment, Fate, Operation as Line, RunReader, RunStart, RunWriter, Window,
};
use tally_check::reference::trace;
use tally_check::{CheckReport, Options, check_trial};
use tally_consensus::hexadecimal;
use tally_model::{CertifiedTask, Instant as Moment, Job, Outcome, RequestId, TaskId};

/// The peak of this process's resident memory in MiB, as the kernel counts it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// Seconds of processor time of this process so far (fields 14 and 15 of proc_pid_stat(5), in hundredths): on a machine with other
/// work, what the time would come to on idle cores.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

#[allow(clippy::print_stdout, reason = "an example speaks to its user")]
fn say(what: &str, begun: Instant, used: f64) {
    let (wall, used) = (begun.elapsed().as_secs_f64(), processor() - used);
    println!(
        "{what:8} {wall:6.2} s  processor {used:6.2} s  peak {:4} MiB",
        peak()
    );
}

fn forget_peak() {
    // Resets VmHWM (proc_pid_clear_refs(5)); without the right to do so the printed peak is that of the whole process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Whether the checker's sample (SplitMix64 of seed 0 and the number, smallest first) may reach this answer.
fn may_be_sampled(n: u64, count: u64) -> bool {
    let mut z = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) < u64::MAX / count.div_ceil(10_000)
}

fn random(state: &mut u64, bound: u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % bound
}

fn operation(n: u64, count: u64, state: &mut u64, pool: &[String]) -> Line {
    let mut next = |bound| random(state, bound);
    let expression = format!("({}+{})*({}-{})", next(999), next(999), next(999), next(999));
    let id = RequestId(u128::from(n) << 96 | u128::from(next(1 << 31)) << 64 | u128::from(next(1 << 31)));
    let reference = trace(&expression);
    let value = |outcome: &Outcome| outcome.to_string();
    let tasks = reference
        .tasks
        .iter()
        .enumerate()
        .map(|(index, task)| CertifiedTask {
            job: Job {
                task: TaskId {
                    request: id,
                    index: index as u16,
                },
                operation: task.operation,
                expression: None,
                left: value(&task.left),
                right: value(&task.right),
            },
            outcome: task.outcome.clone(),
            set: set_of(task.operation),
            // Most lines are only skimmed, so their certificates need to be as long as real ones, not real.
            certificate: Some(pool[next(pool.len() as u64) as usize].clone()),
            ready: Moment::from_nanos(1_767_262_500_000_000_000 + n * 100_000),
            dispatched: Moment::from_nanos(1_767_262_500_000_000_000 + n * 100_000 + next(90_000)),
            done: Moment::from_nanos(1_767_262_500_000_000_000 + n * 100_000 + 90_000 + next(900_000)),
        });
    let mut tasks: Vec<_> = tasks.collect();
    let due = n * 100_000;
    let sent = due + next(80_000);
    if may_be_sampled(n, count) {
        for task in &mut tasks {
            certify(task, Mint::Good);
        }
    }
    Line {
        sent: Some(sent),
        first_byte: Some(sent + 400_000 + next(200_000)),
        done: Some(sent + 2_000_000 + next(9_000_000)),
        fate: Fate::Ok,
        status: 202,
        accepted: true,
        id: Some(id),
        outcome: Some(reference.outcome),
        folded: Some(1_767_262_500_000_000_000 + sent + next(5_000_000)),
        tasks,
        attempts: 1,
        ..Line::planned(n, 0, expression, due)
    }
}

/// Texts as long as certificates and as hard to compress.
fn pool(state: &mut u64) -> Vec<String> {
    let word = |state: &mut u64| random(state, 1 << 31) as u32;
    let mut text = |_| {
        hexadecimal::encode(
            &(0..60)
                .flat_map(|_| word(state).to_be_bytes())
                .collect::<Vec<u8>>(),
        )
    };
    (0..4096).map(&mut text).collect()
}

#[allow(clippy::print_stdout, reason = "an example speaks to its user")]
fn write(root: &FilePath, count: u64) -> Result<(), CaptureError> {
    let start = RunStart {
        seed: 1,
        plan: "plan",
        target: "local",
        command: &[],
        experiment: b"",
    };
    let run = RunWriter::create(root, "million", start, &(), &(), Environment::observe("release"))?;
    let mut writer = run.trial(1)?;
    writer.keys(&trial_keys())?;
    let mut state = 1;
    let pool = pool(&mut state);
    let begun = Instant::now();
    for n in 0..count {
        writer.operation(operation(n, count, &mut state, &pool))?;
    }
    let size = writer.finish()?;
    println!(
        "write    {:6.2} s  peak {:4} MiB",
        begun.elapsed().as_secs_f64(),
        peak()
    );
    println!(
        "history  {:6} B/op    certificates {} B/op",
        size.history / count,
        size.certificates / count
    );
    Ok(())
}

fn measure(root: &FilePath) -> Result<(), Box<dyn std::error::Error>> {
    let trial = RunReader::open(root, "latest")?.trials()?.remove(0);
    forget_peak();
    let (begun, used) = (Instant::now(), processor());
    let report = check_trial(&trial, &Options::default())?;
    say("check", begun, used);
    report_audit(&report);

    forget_peak();
    let (begun, used) = (Instant::now(), processor());
    let analysis = Analysis::read(&trial, 2)?;
    say("analysis", begun, used);
    let (begun, used) = (Instant::now(), processor());
    let summary = analysis.summary(Window::ALWAYS);
    say("summary", begun, used);
    for name in ["latency", "queue_wait", "dag_wait", "critical_path"] {
        report_metric(name, summary.metric("p99", name, "", ""));
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "an example speaks to its user")]
fn report_audit(report: &CheckReport) {
    println!(
        "  {} requests, {:?}: {} of {} answers audited",
        report.requests, report.safety, report.audit.answers_audited, report.audit.answers
    );
    println!(
        "  {} certificates, {} wrong",
        report.audit.certificates_audited, report.wrong.count
    );
}

#[allow(clippy::print_stdout, reason = "an example speaks to its user")]
fn report_metric(name: &str, value: Option<f64>) {
    println!("  p99({name}) {value:?} ns");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = |text: Option<&String>| text.map_or(Ok(1_000_000), |text| text.parse());
    match arguments.first().map(String::as_str) {
        Some("write") => Ok(write(
            arguments.get(1).ok_or("write DIR [REQUESTS]")?.as_ref(),
            count(arguments.get(2))?,
        )?),
        Some("check") => measure(arguments.get(1).ok_or("check DIR")?.as_ref()),
        _ => {
            let root = tempfile::tempdir()?;
            write(root.path(), count(arguments.first())?)?;
            // Another process, so that nothing of the writing counts.
            let status = std::process::Command::new(std::env::current_exe()?)
                .arg("check")
                .arg(root.path())
                .status()?;
            if status.success() {
                Ok(())
            } else {
                Err("the check failed".into())
            }
        }
    }
}
