//! Load sent by several processes: every request once, one record, no agent that is lost without being named, none that stays.

use rustix::process::Signal;
use serde_json::Value;

use super::SMALL;
use super::program::{Desk, Job, send, turn, until};

/// Open load for a minute, answered at once.
const STEADY: &str = r#"
version = 1
name = "steady"
title = "Ended from outside"
seed = 9
phases = { warmup = "0s", measure = "60s", drain = "1s" }

[platform]
protocol = "none"
scaler = "fixed-1"

[[load]]
name = "even"
pattern = "constant"
rate = "20/s"
expr = { kind = "flat" }

[[expect]]
that = "wrong == 0 && conflicting == 0"
when = "always"
"#;

/// The processes of a run that are agents.
fn agents(job: &Job) -> Vec<u32> {
    let of_job = |process: &u32| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}"));
        let status = read("status").unwrap_or_default();
        let parent = format!("PPid:\t{}", job.process());
        let command = read("cmdline").unwrap_or_default();
        status.lines().any(|line| line == parent) && command.contains("serve\0agent")
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = processes.filter(of_job).collect();
    found.sort_unstable();
    found
}

fn are_gone(agents: &[u32]) {
    until("the end of every agent", || {
        let there = |process: &u32| {
            let command = std::fs::read_to_string(format!("/proc/{process}/cmdline"));
            command.is_ok_and(|command| command.contains("agent"))
        };
        (!agents.iter().any(there)).then_some(())
    });
}

/// A run in the middle of its load, which takes `measure`, and its two agents.
fn begun(desk: &Desk, measure: &str) -> (Job, Vec<u32>) {
    let file = desk.write("steady.toml", &STEADY.replace("60s", measure));
    let mut job = desk.start(&["run", &file, "--agents", "2", "--json"]);
    job.says("load ");
    until("samples of the load", || {
        let series =
            std::fs::read_to_string(desk.path("runs/steady/latest/trials/0001/series.jsonl")).ok()?;
        let last: Value = serde_json::from_str(series.lines().next_back()?).ok()?;
        (last["at"].as_u64()? > 1_000_000_000).then_some(())
    });
    let agents = agents(&job);
    assert_eq!(agents.len(), 2);
    (job, agents)
}

/// Three agents send what one process would: the same plan, every request once, each a third; and the run is like any other.
#[test]
fn agents_together_send_the_plan_once() {
    let _turn = turn();
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let run = |flags: &[&str]| {
        let arguments = [&["run", &small, "--json"], flags].concat();
        desk.tally(&arguments).expect_of_run(0).json()["experiments"][0]["report"].clone()
    };
    let (alone, shared) = (run(&[]), run(&["--agents", "3"]));
    assert_eq!(alone["plan"], shared["plan"]);
    let count = |report: &Value, what: &str| report["trials"][0]["correctness"][what].as_u64().unwrap();
    for what in ["accepted", "answered", "lost", "duplicated", "wrong"] {
        assert_eq!(count(&alone, what), count(&shared, what), "{what}");
    }
    let generator = |report: &Value| report["trials"][0]["generator"].clone();
    assert_eq!(generator(&alone)["agents"], Value::Null);
    let agents = generator(&shared)["agents"].as_array().unwrap().clone();
    let sent: Vec<u64> = agents.iter().filter_map(|agent| agent["sent"].as_u64()).collect();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent.iter().sum::<u64>(), count(&shared, "accepted"));
    assert!(
        sent.iter().max().unwrap() - sent.iter().min().unwrap() <= 1,
        "{sent:?}"
    );
    desk.tally(&["check", "latest"]).expect(0);
    let told = desk.tally(&["report", "latest"]).expect(0).out;
    assert!(
        told.contains("of the 3 that told theirs") && told.contains("agent 2: "),
        "{told}"
    );
    desk.is_deserted();
}

/// An agent that is killed is named, and the run is inconclusive: not a failure of the platform, and no pass.
#[test]
fn a_lost_agent_is_named_and_the_run_inconclusive() {
    let _turn = turn();
    let desk = Desk::new();
    let (job, agents) = begun(&desk, "6s");
    send(agents[1], Signal::KILL);
    let done = job.wait().expect(3);
    assert!(done.out.contains("agent 1 (a child process): "), "{}", done.out);
    assert!(done.out.contains("its record is not complete"), "{}", done.out);
    are_gone(&agents);
    desk.is_deserted();
    // Asked again later, it is not better: what the agent never told is missing.
    desk.tally(&["check", "latest"]).expect(3);
}

/// Agents end with the run, also when it is interrupted, and when it is killed so that it can tell them nothing.
#[test]
fn agents_never_outlive_their_run() {
    let _turn = turn();
    for (signal, code) in [(Signal::INT, 130), (Signal::KILL, 137)] {
        let desk = Desk::new();
        let (job, agents) = begun(&desk, "60s");
        send(job.process(), signal);
        job.wait().expect(code);
        are_gone(&agents);
    }
}

/// Flags that make no sense are refused before anything runs, with a way out.
#[test]
fn agents_where_none_can_be_are_refused() {
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let cases: [(&[&str], &str); 5] = [
        (&["--in-cluster"], "--agents N alone"),
        (&["--in-cluster", "--agents", "3"], "--target kind"),
        (&["--agents", "0"], "1 to 32"),
        (&["--agents", "33"], "1 to 32"),
        (&["--agents", "2", "--target", "sim"], "really runs"),
    ];
    for (flags, remedy) in cases {
        let arguments = [&["run", &small], flags].concat();
        let done = desk.tally(&arguments).expect(2);
        assert!(done.err.contains(remedy), "{flags:?}: {}", done.err);
    }
    assert!(desk.directories("runs").is_empty());
}
