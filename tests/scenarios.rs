//! The report's flows end to end, as a table: every combination answers the same requests with the same answers, and the
//! steps that the report describes are seen to happen.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;

use program::{Desk, turn};
use serde_json::Value;

/// The report's own example, dependent and independent operations, and every kind of outcome.
const FLOW: &str = r#"
version = 1
name = "flow"
title = "From expression to answer"
seed = 11
phases = { warmup = "200ms", measure = "2s", drain = "90s" }

[platform]
scaler = "fixed-1"

[[load]]
name = "listed"
pattern = "constant"
rate = "8/s"
expr = [
  { text = "((3+5)*(4/2))", answer = "16" },
  { text = "1/3 + 1/6", answer = "1/2" },
  { text = "-(2.5 - 4) * 2", answer = "3" },
  { text = "1/(2-2)", answer = "error:div_by_zero" },
  { text = "42", answer = "42" },
]

[[load]]
name = "trees"
pattern = "constant"
rate = "4/s"
expr = { kind = "tree", depth = 3, dependent = 0.7 }

[[expect]]
that = "lost == 0 && wrong == 0 && conflicting == 0 && duplicated == 0 && failed == 0"
when = "always"

[[expect]]
that = "success_rate >= 100%"
"#;

/// A burst on operations that take a while: one set each is not enough.
const GROWTH: &str = r#"
version = 1
name = "growth"
title = "A burst"
seed = 12
phases = { warmup = "200ms", measure = "9s", drain = "90s" }

[platform]
protocol = "none"
max = 3
work = { kind = "delay", mean = "60ms", dist = "fixed" }
task-timeout = "60s"
scale-down-after = "1s"

[[load]]
name = "spike"
pattern = "burst"
base = "2/s"
peak = "60/s"
at = "500ms"
for = "2s"
expr = { kind = "flat", ops = ["+", "*"] }

[[expect]]
that = "lost == 0 && wrong == 0 && conflicting == 0 && duplicated == 0 && failed == 0"
when = "always"
"#;

/// The report's dispatcher, with a sleep that a test can wait for, and a worker that dies.
const PAUSE: &str = r#"
version = 1
name = "pause"
title = "A fault stops the dispatcher"
seed = 13
phases = { warmup = "200ms", measure = "4s", drain = "90s" }

[platform]
protocol = "none"
scaler = "fixed-1"
dispatch = "report"
report-poll = "20ms"
report-sleep = "1s"
task-timeout = "2s"

[[load]]
name = "single"
pattern = "constant"
rate = "20/s"
expr = { kind = "flat" }

[[fault]]
name = "death"
kind = "kill"
role = "worker"
at = "500ms"
for = "1s"

[[expect]]
that = "lost == 0 && wrong == 0 && conflicting == 0 && duplicated == 0 && failed == 0"
when = "always"
"#;

fn lines(desk: &Desk, name: &str, file: &str) -> Vec<Value> {
    let path = desk.path(&format!("runs/{name}/latest/trials/0001/{file}"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Moments of a step, in nanoseconds since the trial began.
fn moments(events: &[Value], step: &str) -> Vec<u64> {
    let of_step = events.iter().filter(|event| event["step"] == step);
    of_step.map(|event| event["at"].as_u64().unwrap()).collect()
}

/// Runs `source` with changes; it must pass.
fn pass(source: &str, name: &str, changes: &[&str]) -> Desk {
    let desk = Desk::new();
    let file = desk.write(&format!("{name}.toml"), source);
    let mut arguments = vec!["run", &file];
    for change in changes {
        arguments.extend(["--set", change]);
    }
    desk.tally(&arguments).expect_of_run(0);
    desk.is_deserted();
    desk
}

/// Whatever agrees, signs and dispatches, the answers are the same: right, one each, and certified where there is a
/// protocol that certifies.
#[test]
fn every_combination_gives_the_same_right_answers() {
    let _turn = turn();
    for (protocol, suite, dispatch) in [
        ("none", "modern", "event"),
        ("none", "modern", "report"),
        ("none", "modern", "whole"),
        ("pbft", "modern", "event"),
        ("pbft", "report", "event"),
        ("vote", "modern", "event"),
        ("collect", "modern", "event"),
        ("collect", "modern", "report"),
        ("collect", "report", "event"),
    ] {
        let changes = [
            format!("platform.protocol={protocol}"),
            format!("platform.suite={suite}"),
            format!("platform.dispatch={dispatch}"),
        ];
        let desk = pass(FLOW, "flow", &changes.each_ref().map(String::as_str));
        let path = desk.path("runs/flow/latest/check.json");
        let check: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let audited = check[0]["audit"]["certificates_audited"].as_u64().unwrap();
        assert_eq!(
            audited > 0,
            protocol != "none",
            "{changes:?}: {audited} certificates"
        );
        assert!(check[0]["answered"].as_u64().unwrap() >= 20, "{check:#}");
    }
}

/// In the report's mode a fault on the bus pauses the dispatcher for the configured sleep; what came meanwhile is answered
/// after it.
#[test]
fn a_fault_pauses_the_dispatcher_of_the_report() {
    let _turn = turn();
    let desk = pass(PAUSE, "pause", &[]);
    let events = lines(&desk, "pause", "events.jsonl");
    let (raised, paused) = (
        moments(&events, "fault_raised"),
        moments(&events, "dispatch_paused"),
    );
    let resumed = moments(&events, "dispatch_resumed");
    assert!(!raised.is_empty() && !paused.is_empty() && !resumed.is_empty());
    assert!(
        resumed[0] - paused[0] >= 1_000_000_000,
        "the dispatcher woke up early"
    );
    let told = moments(&events, "fault_taken");
    assert!(told[0] <= paused[0], "the pause is the bus's doing");
}

/// A burst makes the platform grow; with the threshold it shrinks again, each set drained first, and by the report's letter
/// it never does.
#[test]
fn the_platform_grows_with_a_burst_and_shrinks_by_the_threshold_alone() {
    let _turn = turn();
    for (scaler, shrinks) in [("threshold", true), ("threshold-report", false)] {
        let desk = pass(GROWTH, "growth", &[&format!("platform.scaler={scaler}")]);
        let series = lines(&desk, "growth", "series.jsonl");
        let sets = |sample: &Value| sample["ready"][0].as_u64().unwrap();
        let most = series.iter().map(sets).max().unwrap();
        assert!(
            (2..=3).contains(&most),
            "{scaler}: at most {most} sets for additions"
        );
        let quiet = series
            .iter()
            .map(|sample| sample["ready"][1].as_u64().unwrap())
            .max();
        assert_eq!(
            quiet,
            Some(1),
            "{scaler}: nobody subtracts, so nothing grows there"
        );
        let events = lines(&desk, "growth", "events.jsonl");
        let (drained, deleted) = (moments(&events, "drain_started"), moments(&events, "set_deleted"));
        assert_eq!(!deleted.is_empty(), shrinks, "{scaler}: {deleted:?}");
        for event in events.iter().filter(|event| event["step"] == "set_deleted") {
            let began = events
                .iter()
                .find(|other| other["step"] == "drain_started" && other["set"] == event["set"])
                .unwrap_or_else(|| panic!("{scaler}: {event} without a drain"));
            assert!(began["at"].as_u64().unwrap() <= event["at"].as_u64().unwrap());
        }
        assert!(drained.len() >= deleted.len());
    }
}
