//! `tally check` asks of a stored run what the run asked of itself: what is missing makes it inconclusive, however clean the rest.

use std::path::Path;

use serde_json::Value;
use tally_capture::{FrameDecoder, FrameReader, FrameWriter, parse_line, split_lines};

use super::SMALL;
use super::program::Desk;

/// Two trials in virtual time, which pass.
fn stored() -> Desk {
    stored_with("none")
}

fn stored_with(protocol: &str) -> Desk {
    let desk = Desk::new();
    let file = desk.write("small.toml", SMALL);
    let protocol = format!("platform.protocol={protocol}");
    let arguments = [
        "run", &file, "--target", "sim", "--trials", "2", "--set", &protocol,
    ];
    desk.tally(&arguments).expect(0);
    desk.tally(&["check", "latest"]).expect(0);
    desk
}

/// The record of a run whose writer is gone without a word.
fn is_killed(desk: &Desk) {
    change(desk, "run.json", |run| {
        run["status"] = "running".into();
        run["writer"][1] = Value::Null;
    });
}

fn change(desk: &Desk, name: &str, change: impl FnOnce(&mut Value)) {
    let path = desk.path(&format!("runs/small/latest/{name}"));
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(&path, value.to_string()).unwrap();
}

/// Changes the lines of a file.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<Value>)) {
    let mut frames = FrameReader::open(path).unwrap();
    let mut decoder = FrameDecoder::new().unwrap();
    let mut lines = Vec::new();
    while let Some(frame) = frames.next_frame().unwrap() {
        let text = decoder.text(&frame, path).unwrap();
        lines.extend(split_lines(text).map(|line| parse_line(line, &frame, path).unwrap()));
    }
    change(&mut lines);
    std::fs::remove_file(path).unwrap();
    let mut writer = FrameWriter::create(path).unwrap();
    for line in &lines {
        writer.line(line).unwrap();
    }
    writer.finish().unwrap();
}

/// Takes a request out of the record, as if whoever sent it had never told.
fn forget_a_request(desk: &Desk) {
    let trial = desk.path("runs/small/latest/trials/0001");
    let n = 4;
    let others = |line: &Value| {
        [&line["n"], &line["op"]["n"], &line["read"]["n"]]
            .iter()
            .all(|of| **of != n)
    };
    for file in ["history.jsonl.zst", "certificates.jsonl.zst"] {
        edit(&trial.join(file), |lines| lines.retain(others));
    }
}

/// Every trial has its histograms in a form that other tools read, and they are sealed with the rest.
#[test]
fn every_trial_has_its_interval_logs() {
    let desk = stored();
    let run = desk.path("runs/small/latest").canonicalize().unwrap();
    for name in ["latency.hdr", "lag.hdr"] {
        for trial in ["trials/0001", "trials/0002"] {
            let log = std::fs::read_to_string(run.join(trial).join(name)).unwrap();
            assert!(log.lines().count() > 3, "{log}");
        }
    }
    assert_eq!(
        tally_capture::verify_seal(&run).unwrap(),
        Vec::<std::path::PathBuf>::new()
    );
}

/// A request of the plan without a line is missed, and stays missed in the file that the run itself would have written.
#[test]
fn a_planned_request_without_a_line_is_missed() {
    let desk = stored();
    forget_a_request(&desk);
    let told = desk.tally(&["check", "latest"]).expect(3).out;
    assert!(told.contains("1 planned request(s) have no line"), "{told}");
    let written = std::fs::read(desk.path("runs/small/latest/check.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written[0]["gaps"]["unrecorded"], 1);
    assert_eq!(written[1]["gaps"]["unrecorded"], 0);
}

/// The answers that a file states are held against what came, as the run does.
#[test]
fn answers_that_the_plan_states_are_checked_again() {
    let desk = stored();
    change(&desk, "plan.json", |plan| {
        let stated = &mut plan["shots"][0]["expected"];
        assert!(!stated.is_null(), "the plan states no answer");
        *stated = "17".into();
    });
    desk.tally(&["check", "latest"]).expect(4);
}

/// A run that did not come to its end is no pass: what it does not hold could be anything.
#[test]
fn a_run_without_an_end_is_no_pass() {
    let desk = stored();
    for (status, words) in [
        ("crashed", "its harness was killed"),
        ("interrupted", "it was interrupted"),
    ] {
        is_killed(&desk);
        if status == "interrupted" {
            change(&desk, "run.json", |run| run["status"] = status.into());
        }
        let told = desk.tally(&["check", "latest"]).expect(3).out;
        assert!(told.contains(words), "{told}");
        let document = desk.tally(&["check", "latest", "--json"]).expect(3).json();
        assert_eq!(document["runs"][0]["status"], status);
        assert_eq!(document["runs"][0]["trials"][0]["safety"], "clean");
    }
}

/// A trial that was planned and has no record is missed, and so is the plan itself.
#[test]
fn what_should_be_there_and_is_not_is_named() {
    let desk = stored();
    std::fs::remove_dir_all(desk.path("runs/small/latest/trials/0002")).unwrap();
    let told = desk.tally(&["check", "latest"]).expect(3).out;
    assert!(told.contains("1 of its 2 trials have a record"), "{told}");

    let desk = stored();
    std::fs::remove_file(desk.path("runs/small/latest/plan.json")).unwrap();
    let told = desk.tally(&["check", "latest"]).expect(3).out;
    assert!(told.contains("plan.json"), "{told}");
}

/// What a killed harness had not yet written is missing, certificates among it, and that proves nothing. What is there does.
#[test]
fn a_killed_run_is_unsafe_by_what_its_answers_say_alone() {
    let desk = stored_with("pbft");
    let trial = desk.path("runs/small/latest/trials/0001");
    edit(&trial.join("certificates.jsonl.zst"), |lines| {
        lines.pop().unwrap();
    });
    desk.tally(&["check", "latest"]).expect(4);
    is_killed(&desk);
    let document = desk.tally(&["check", "latest", "--json"]).expect(3).json();
    assert_eq!(document["runs"][0]["trials"][0]["safety"], "unsafe");
    edit(&trial.join("history.jsonl.zst"), |lines| {
        let answered = lines.iter_mut().find(|line| line["op"]["outcome"] == "16");
        answered.unwrap()["op"]["outcome"] = "17".into();
    });
    desk.tally(&["check", "latest"]).expect(4);
}
