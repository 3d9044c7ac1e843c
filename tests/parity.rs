//! One plan and one seed, on real processes and in virtual time: the same answers, computed by the same tasks on the same sets.
//!
//! One user asks for one thing after the other, and no choice of the scheduler depends on which of two answers comes first; how many
//! requests a second holds does, so what is compared is what both had time for.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;

use std::collections::BTreeMap;

use program::{Desk, turn};
use tally_capture::{
    CertificateLine, HistoryLine, Operation, RunReader, TrialReader, fold_frames, parse_line,
};
use tally_model::CertifiedTask;

/// Requests of one user that take both sets of an operation, one after the other or both at once.
const PLAN: &str = r#"
version = 1
name = "parity"
title = "One user"
seed = 23
phases = { warmup = "0s", measure = "6s", drain = "60s" }

[platform]
min = 2
max = 2
scaler = "fixed-2"
work = { kind = "delay", mean = "40ms", dist = "fixed" }

[[load]]
name = "user"
pattern = "closed"
users = 1
expr = [
  { text = "((3+5)*(4/2))", answer = "16" },
  { text = "(1+2)*(3+4)-(5+6)", answer = "10" },
  { text = "2*3*4*5", answer = "120" },
  { text = "1/(2-2)", answer = "error:div_by_zero" },
  { text = "1/3 + 1/6", answer = "1/2" },
  { text = "1+", answer = "error:syntax" },
]

[[expect]]
that = "lost == 0 && wrong == 0 && conflicting == 0 && duplicated == 0 && failed == 0"
when = "always"
"#;

/// What was decided about a request, without what time and chance add: its id, its signatures, its moments.
#[derive(Debug, PartialEq, Eq)]
struct Decided {
    n: u64,
    expression: String,
    outcome: String,
    /// Each task: what it computed, what came out, on which set.
    tasks: Vec<String>,
}

/// The tasks of every answer, by request.
fn tasks(trial: &TrialReader) -> BTreeMap<u64, Vec<String>> {
    let path = trial.certificates_path();
    let (lines, _) = fold_frames(&path, 1, Vec::new, |lines, line, frame| {
        lines.push(parse_line::<CertificateLine>(line, frame, &path)?);
        Ok(())
    })
    .unwrap();
    let told = |task: &CertifiedTask| {
        let CertifiedTask {
            job, outcome, set, ..
        } = task;
        let parts = || format!("{} {} {}", job.left, job.operation.symbol(), job.right);
        let what = job.expression.clone().unwrap_or_else(parts);
        format!("{}: {what} = {outcome} on {set}", job.task.index)
    };
    let all = lines.concat().into_iter();
    all.map(|line| (line.n, line.tasks.iter().map(told).collect()))
        .collect()
}

/// Everything that was answered on one target, in the order of the plan.
fn played(protocol: &str, dispatch: &str, target: &str) -> Vec<Decided> {
    let desk = Desk::new();
    let file = desk.write("parity.toml", PLAN);
    let [protocol, dispatch] = [("protocol", protocol), ("dispatch", dispatch)]
        .map(|(key, value)| format!("platform.{key}={value}"));
    desk.tally(&[
        "run", &file, "--target", target, "--set", &protocol, "--set", &dispatch,
    ])
    .expect_of_run(0);
    desk.is_deserted();
    let run = RunReader::open(&desk.path("runs"), "latest").unwrap();
    let trial = run.trials().unwrap().remove(0);
    let mut tasks = tasks(&trial);
    let decided = |operation: Operation| Decided {
        n: operation.n,
        tasks: tasks.remove(&operation.n).unwrap_or_default(),
        outcome: operation
            .outcome
            .map(|outcome| outcome.to_string())
            .unwrap_or_default(),
        expression: operation.expression,
    };
    let answered = |line| match line {
        HistoryLine::Op(operation) if operation.outcome.is_some() => Some(operation),
        _ => None,
    };
    let mut all: Vec<Decided> = trial
        .history()
        .unwrap()
        .map(Result::unwrap)
        .filter_map(answered)
        .map(decided)
        .collect();
    all.sort_by_key(|request| request.n);
    all
}

/// What the simulator says of answers and of who computes what is what happens on real processes.
#[test]
fn the_simulated_world_decides_as_the_local_one() {
    let _turn = turn();
    for (protocol, dispatch) in [
        ("none", "event"),
        ("none", "whole"),
        ("vote", "event"),
        ("pbft", "event"),
        ("collect", "event"),
    ] {
        let (local, simulated) = (
            played(protocol, dispatch, "local"),
            played(protocol, dispatch, "sim"),
        );
        let both = local.len().min(simulated.len());
        assert!(both >= 12, "{protocol}, {dispatch}: only {both} requests");
        assert_eq!(local[..both], simulated[..both], "{protocol}, {dispatch}");
        let mut tasks = local.iter().flat_map(|request| &request.tasks);
        assert_eq!(
            tasks.any(|task| task.ends_with("-2")),
            dispatch != "whole",
            "a second set is used where there are two tasks at once"
        );
    }
}
