//! Faults through the experiment file, and expectations and generators that fail.

use rustix::process::Signal;
use serde_json::Value;
use std::time::Duration;

use super::program::{Desk, send, turn};

/// Two seconds of load on a platform without replicas; faults and expectations are added.
const PLAIN: &str = r#"
version = 1
name = "verdict"
title = "What is a pass?"
seed = 3
phases = { warmup = "200ms", measure = "2s", drain = "60s" }

[platform]
protocol = "none"
scaler = "fixed-1"

[[load]]
name = "single"
pattern = "constant"
rate = "30/s"
expr = { kind = "flat" }
"#;

/// Four sets, and somebody of each role hit in a set of its own.
const EVERYBODY: &str = r#"
version = 1
name = "everybody"
title = "Every role is hit once"
seed = 5
phases = { warmup = "500ms", measure = "7s", drain = "90s" }

[platform]
protocol = "pbft"
scaler = "fixed-1"
task-timeout = "2s"

[[load]]
name = "single"
pattern = "constant"
rate = "20/s"
expr = { kind = "flat" }

[[fault]]
name = "follower"
kind = "kill"
role = "follower"
operation = "add"
at = "500ms"
for = "1s"

[[fault]]
name = "leader"
kind = "kill"
role = "leader"
operation = "sub"
at = "500ms"
for = "1s"

[[fault]]
name = "worker"
kind = "kill"
role = "worker"
operation = "mul"
at = "500ms"
for = "1s"

[[fault]]
name = "sleeper"
kind = "pause"
role = "follower"
operation = "div"
at = "500ms"
for = "1500ms"

[[fault]]
name = "control"
kind = "kill"
role = "control-plane"
at = "5s"
for = "500ms"

[[expect]]
that = "lost == 0 && wrong == 0 && conflicting == 0 && duplicated == 0"
when = "always"
"#;

fn ledgers(desk: &Desk, name: &str) -> Vec<Value> {
    let path = desk.path(&format!("runs/{name}/latest/trials/0001/faults.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What is missing in an experiment whose other parts are well decides its exit code.
#[test]
fn a_verdict_is_as_good_as_its_worst_part() {
    let _turn = turn();
    // Nobody can tell who the workers are while the control plane is held down.
    let nobody = "[[fault]]\nname = \"first\"\nkind = \"kill\"\nrole = \"control-plane\"\nat = \"200ms\"\nfor = \"6s\"\n\
                  [[fault]]\nname = \"nobody\"\nkind = \"kill\"\nrole = \"worker\"\nat = \"1200ms\"\nfor = \"200ms\"\n";
    let holds = "[[expect]]\nthat = \"lost == 0 && wrong == 0\"\nwhen = \"always\"\n";
    let fails = "[[expect]]\nthat = \"success_rate < 1%\"\nwhen = \"always\"\n";
    let cases = [
        (format!("{PLAIN}{holds}"), "phases.measure=1s", 0, "PASS"),
        (format!("{PLAIN}{holds}{fails}"), "phases.measure=1s", 1, "FAIL"),
        (
            format!("{PLAIN}{nobody}{holds}"),
            "phases.measure=8s",
            3,
            "INCONCLUSIVE",
        ),
    ];
    for (text, measure, code, word) in cases {
        let desk = Desk::new();
        let file = desk.write("verdict.toml", &text);
        let done = desk.tally(&["run", &file, "--set", measure]).expect_of_run(code);
        assert!(
            done.out.contains(word) || done.is_only_late(),
            "{word}\n{}",
            done.out
        );
        desk.is_deserted();
        if code == 3 {
            let ledgers = ledgers(&desk, "verdict");
            let ledger = ledgers.iter().find(|ledger| ledger["name"] == "nobody").unwrap();
            assert!(
                ledger["effective"].is_null() && ledger["problem"].is_string(),
                "{ledger:#}"
            );
            assert!(
                done.out.contains("nobody"),
                "the fault is not named in\n{}",
                done.out
            );
        }
    }
}

/// A generator that stood still measured nothing, whatever the platform did: the load is late and the run shows nothing.
#[test]
fn a_generator_that_stood_still_makes_the_run_void() {
    let _turn = turn();
    let desk = Desk::new();
    let file = desk.write("verdict.toml", PLAIN);
    let mut job = desk.start(&["run", &file]);
    job.says("load ");
    send(job.process(), Signal::STOP);
    // How long it stands is the input of this test, not something that is waited for.
    std::thread::sleep(Duration::from_millis(1500));
    send(job.process(), Signal::CONT);
    let done = job.wait().expect(3);
    assert!(done.out.contains("generator was late"), "{}", done.out);
}

/// Each role is hit through the experiment; each hit is seen, noticed by the platform, and made up for.
#[test]
fn every_role_can_be_hit_and_is_made_up_for() {
    let _turn = turn();
    let desk = Desk::new();
    let file = desk.write("everybody.toml", EVERYBODY);
    desk.tally(&["run", &file]).expect_of_run(0);
    let ledgers = ledgers(&desk, "everybody");
    assert_eq!(ledgers.len(), 5);
    for ledger in &ledgers {
        assert!(ledger["problem"].is_null(), "{ledger:#}");
        for step in ["requested", "effective", "healed"] {
            assert!(!ledger[step].is_null(), "{step} is missing in {ledger:#}");
        }
        let killed = ledger["kind"] == "kill" && ledger["role"] != "control-plane";
        assert!(
            !killed || !ledger["detected"].is_null(),
            "nobody noticed {ledger:#}"
        );
    }
    desk.is_deserted();
}

/// One set, of which f+1 members lie alike.
const COLLUSION: &str = r#"
version = 1
name = "collusion"
title = "Two of four agree on a lie"
seed = 2
phases = { warmup = "200ms", measure = "3s", drain = "60s" }

[platform]
protocol = "pbft"
scaler = "fixed-1"

[[load]]
name = "sums"
pattern = "constant"
rate = "60/s"
expr = { kind = "flat", ops = ["+"] }

[[fault]]
name = "first"
kind = "corrupt"
role = "leader"
operation = "add"
at = "300ms"
for = "2s"

[[fault]]
name = "second"
kind = "corrupt"
role = "follower"
operation = "add"
at = "300ms"
for = "2s"
"#;

/// More liars than a protocol masks: their certificate holds, and the checker, which computes for itself, calls the run unsafe.
/// In virtual time, because on real cores it is luck whether the two that lie or the two that do not are the first two to reply.
#[test]
fn two_colluding_replicas_of_four_are_found_by_the_checker() {
    let _turn = turn();
    let desk = Desk::new();
    let file = desk.write("collusion.toml", COLLUSION);
    desk.tally(&["sim", &file]).expect_of_run(4);
    let path = desk.path("runs/collusion/latest/check.json");
    let check: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(check[0]["wrong"]["count"].as_u64().unwrap() > 0, "{check:#}");
    // The signatures hold, so nobody but who computes for itself can tell: no flaw is of any other kind.
    let flaws = check[0]["audit"]["flaws"].as_object().unwrap();
    assert!(
        flaws
            .keys()
            .all(|flaw| flaw == "answer" || flaw == "other_result"),
        "{check:#}"
    );
    desk.is_deserted();
}
