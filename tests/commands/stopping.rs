//! What ends a load: an expectation that has to hold before anything is broken, one that ends the trial, and time itself.

use serde_json::Value;

use super::program::{Desk, Done, turn};

/// Two minutes of load with a fault near its beginning and one much later.
const LONG: &str = r#"
version = 1
name = "long"
title = "Ended by an expectation"
seed = 7
phases = { warmup = "0s", measure = "120s", drain = "60s" }

[platform]
protocol = "none"
scaler = "fixed-1"

[[load]]
name = "single"
pattern = "constant"
rate = "20/s"
expr = { kind = "flat" }

[[fault]]
name = "early"
kind = "kill"
role = "worker"
at = "1500ms"
for = "2s"

[[fault]]
name = "late"
kind = "kill"
role = "worker"
at = "60s"
for = "2s"
"#;

/// Ends with `code`; what was recorded.
fn stopped(desk: &Desk, expectation: &str, target: &str, code: i32) -> (Done, Vec<Value>) {
    let file = desk.write("long.toml", &format!("{LONG}{expectation}"));
    let done = desk
        .tally(&["run", &file, "--target", target, "--json"])
        .expect(code);
    let faults = std::fs::read_to_string(desk.path("runs/long/latest/trials/0001/faults.jsonl")).unwrap();
    let faults = faults.lines().map(|line| serde_json::from_str(line).unwrap());
    (done, faults.collect())
}

/// The report of the one experiment.
fn report(done: &Done) -> Value {
    done.json()["experiments"][0]["report"].clone()
}

/// What it warns of first.
fn warning(done: &Done) -> String {
    report(done)["warnings"][0]["text"].as_str().unwrap().to_owned()
}

/// An expectation with `abort` ends the trial when it has not held for its grace: what is broken heals, what was still to be broken
/// is not, what is owed is neither lost nor waited for, and the verdict is that the expectation failed.
#[test]
fn an_expectation_that_aborts_ends_the_trial() {
    let _turn = turn();
    let expectation = "\n[[expect]]\nthat = \"p50(latency) < 1us\"\nabort = true\ngrace = \"1s\"\n";
    for target in ["local", "sim"] {
        let desk = Desk::new();
        let (done, faults) = stopped(&desk, expectation, target, 1);
        let names: Vec<_> = faults.iter().map(|fault| fault["name"].clone()).collect();
        assert_eq!(names, ["early"], "{target}");
        assert!(faults[0]["healed"]["at"].is_u64(), "{target}: {}", faults[0]);
        let told = warning(&done);
        assert!(told.contains("trial 1: stopped at "), "{target}: {told}");
        assert!(
            told.contains("`p50(latency) < 1us` (measure) did not hold for "),
            "{target}: {told}"
        );
        let document = report(&done);
        assert_eq!(document["verdict"], "FAIL", "{target}");
        assert_eq!(document["expectations"][0]["held"], false, "{target}");
        let sent = document["trials"][0]["summary"]["windows"][0]["counts"]["sent"]
            .as_u64()
            .unwrap();
        assert!((20..1_200).contains(&sent), "{target}: {sent} of 2,400 were sent");
        desk.is_deserted();
    }
}

/// A platform that is not well when the first fault is due is not broken: the load ends, exit code 6 says that nothing was tested, and
/// which expectation did not hold by how much.
#[test]
fn a_platform_that_is_not_well_is_not_broken() {
    let _turn = turn();
    let expectation = "\n[[expect]]\nthat = \"p50(latency) < 1us\"\nwhen = \"before\"\n\n[[expect]]\nthat = \"success_rate == 1\"\n";
    for target in ["local", "sim"] {
        let desk = Desk::new();
        let (done, faults) = stopped(&desk, expectation, target, 6);
        assert!(faults.is_empty(), "{target}: {faults:?}");
        let told = warning(&done);
        let reason = "nothing was injected: `p50(latency) < 1us` (before) does not hold before the first fault: p50(latency) = ";
        assert!(told.contains(reason), "{target}: {told}");
        assert_eq!(report(&done)["verdict"], "SETUP FAILED", "{target}");
        assert!(done.err.contains(reason), "{target}: {}", done.err);
        desk.is_deserted();
    }
}

/// One that holds before the first fault stops nothing, and virtual time ends a trial at the same instant every time,
/// that it is played again too.
#[test]
fn stopping_is_repeatable_in_virtual_time() {
    let desk = Desk::new();
    let well = "\n[[expect]]\nthat = \"success_rate >= 99%\"\nwhen = \"before\"\n";
    let file = desk.write("long.toml", &format!("{LONG}{well}"));
    let done = desk.tally(&["run", &file, "--target", "sim", "--json"]).expect(0);
    assert_eq!(report(&done)["warnings"].as_array().map(Vec::len), Some(0));
    let slow = "\n[[expect]]\nthat = \"p50(latency) < 1us\"\nabort = true\ngrace = \"3s\"\n";
    let run = || warning(&stopped(&desk, slow, "sim", 1).0);
    assert_eq!(run(), run());
    desk.tally(&["replay", "long"]).expect(0);
}

/// Users that ask for as long as the measure phase lasts.
const USERS: &str = r#"
version = 1
name = "users"
title = "Ended by its time"
seed = 7
phases = { warmup = "0s", measure = "2s", drain = "60s" }

[platform]
protocol = "none"
scaler = "fixed-1"

[[load]]
name = "users"
pattern = "closed"
users = 3
think = "50ms"
expr = { kind = "flat" }

[[expect]]
that = "answered > 30 && lost == 0"
"#;

/// A closed load that its time ends has requests left, and nothing is said against it.
#[test]
fn time_ends_a_closed_load() {
    let _turn = turn();
    for target in ["local", "sim"] {
        let desk = Desk::new();
        let file = desk.write("users.toml", USERS);
        let done = desk.tally(&["run", &file, "--target", target, "--json"]);
        let done = done.expect_of_run(0);
        assert!(!done.out.contains("closed load"), "{target}: {}", done.out);
    }
}
