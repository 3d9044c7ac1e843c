//! Ctrl-C once, Ctrl-C twice, SIGTERM and SIGKILL: what is kept, and that no process stays.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::program::{Desk, Job, send, turn, until};

/// A minute of requests that take ten seconds each: whoever ends it ends it in the middle, with answers owed.
const LONG: &str = r#"
version = 1
name = "long"
title = "Ended from outside"
seed = 7
phases = { warmup = "0s", measure = "60s", drain = "60s" }

[platform]
protocol = "none"
scaler = "fixed-1"
task-timeout = "1m"
work = { kind = "delay", mean = "10s", dist = "fixed" }

[[load]]
name = "slow"
pattern = "constant"
rate = "20/s"
expr = { kind = "flat" }

[[expect]]
that = "wrong == 0 && conflicting == 0"
when = "always"
"#;

/// The run in the middle of its load, with requests that are accepted.
fn begun(desk: &Desk) -> Job {
    let file = desk.write("long.toml", LONG);
    let mut job = desk.start(&["run", &file, "--json"]);
    job.says("load ");
    until("requests that wait for their answers", || {
        let series = std::fs::read_to_string(desk.path("runs/long/latest/trials/0001/series.jsonl")).ok()?;
        let last: Value = series
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str(line).ok())?;
        (last["pending"].as_u64()? > 8).then_some(())
    });
    assert_eq!(
        desk.members().len(),
        6,
        "supervisor, control plane and four workers"
    );
    job
}

fn record(desk: &Desk) -> Value {
    let text = std::fs::read(desk.path("runs/long/latest/run.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// One signal ends the load, keeps what was seen, and stops the platform.
#[test]
fn the_first_signal_ends_the_run_and_keeps_the_record() {
    let _turn = turn();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let desk = Desk::new();
        let job = begun(&desk);
        send(job.process(), signal);
        let done = job.wait().expect(code);
        assert_eq!(done.json()["exit_code"], code);
        let record = record(&desk);
        assert_eq!(
            (&record["status"], &record["exit_code"]),
            (&"interrupted".into(), &code.into())
        );
        assert!(desk.path("runs/long/latest/report.html").exists());
        // Answers that nobody waited for are owed, not lost: such a run shows nothing, but it is not unsafe.
        let checked = desk.tally(&["check", "--json"]).expect(3).json();
        assert!(
            checked["runs"][0]["trials"][0]["lost"]["count"].as_u64().unwrap() > 8,
            "{checked}"
        );
        desk.is_deserted();
    }
}

/// The second leaves at once: no verdict is written any more, and the platform goes with the process.
#[test]
fn the_second_signal_leaves_at_once() {
    let _turn = turn();
    let desk = Desk::new();
    let mut job = begun(&desk);
    // Signals of one kind that come together are one signal, so it is sent until it is obeyed.
    until("the end of the run", || {
        send(job.process(), Signal::INT);
        job.has_ended().then_some(())
    });
    job.wait().expect(130);
    assert_eq!(
        record(&desk)["status"],
        "running",
        "the run took the time to write a verdict"
    );
    desk.is_deserted();
    let store = desk
        .files("runs")
        .into_iter()
        .find(|path| path.ends_with("tally.redb"));
    assert_eq!(store, None);
}

/// What is left of a platform whose harness was killed with -9 is nothing, and what is left of the record is no pass.
#[test]
fn a_killed_run_leaves_no_process() {
    let _turn = turn();
    let desk = Desk::new();
    let job = begun(&desk);
    send(job.process(), Signal::KILL);
    job.wait().expect(137);
    desk.is_deserted();
    let checked = desk.tally(&["check", "--json"]).expect(3).json();
    assert_eq!(checked["runs"][0]["status"], "crashed", "{checked}");
}

/// Ctrl-C on a computation ends its platform and removes its folder.
#[test]
fn an_interrupted_calc_leaves_nothing() {
    let _turn = turn();
    let desk = Desk::new();
    let job = desk.start(&["calc", "1+2"]);
    until("the platform of calc", || {
        (desk.members().len() > 2).then_some(())
    });
    send(job.process(), Signal::INT);
    job.wait().expect(130);
    desk.is_deserted();
    assert!(
        desk.files("temporary").is_empty(),
        "{:?}",
        desk.files("temporary")
    );
}

/// A process that begins when its parent is gone already, as one does that was started while the parent was killed, is nobody's: it ends.
#[test]
fn an_orphan_does_not_begin() {
    let desk = Desk::new();
    // Whoever runs this test, it is not the first process.
    let config = tally_local::SupervisorConfig {
        data: desk.path("orphan"),
        platform: tally_model::PlatformConfig::default(),
        http: "127.0.0.1:0".parse().unwrap(),
        grpc: "127.0.0.1:0".parse().unwrap(),
        parent: Some(1),
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(["serve", "supervisor"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", serde_json::to_string(&config).unwrap()).unwrap();
    // One that went on would say where it listens; one that ends closes its output without a word.
    let mut announced = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut announced).unwrap();
    let _ = child.kill();
    let done = child.wait_with_output().unwrap();
    assert_eq!(announced, "");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        !done.status.success() && said.contains("the parent process is gone"),
        "{said}"
    );
    assert!(!desk.path("orphan").exists());
}
