//! `kill -9` by hand, outside of any experiment's knowledge: whoever dies, every accepted request gets its one right answer.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "support/killing.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod killing;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;

use killing::{Killer, Prey};
use std::time::Duration;

use program::{Desk, Job, turn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tally_model::MemberRole;

/// Load on a platform that `up` started. The experiment knows of no fault: it only counts answers.
const LOAD: &str = r#"
version = 1
name = "steady"
title = "Load while processes die that the experiment knows nothing of"
seed = 9
phases = { warmup = "0s", measure = "12s", drain = "90s" }

[platform]
protocol = "pbft"

[[load]]
name = "single"
pattern = "constant"
rate = "15/s"
expr = { kind = "flat", values = "-999..999" }

[[load]]
name = "trees"
pattern = "poisson"
rate = "5/s"
expr = { kind = "tree", depth = 3, dependent = 0.5 }
"#;

/// Runs of [`LOAD`], one after the other, for as long as there is somebody to kill.
struct Load<'a> {
    desk: &'a Desk,
    file: String,
    job: Option<Job>,
    runs: u32,
}

impl<'a> Load<'a> {
    fn new(desk: &'a Desk) -> Self {
        Self {
            desk,
            file: desk.write("steady.toml", LOAD),
            job: None,
            runs: 0,
        }
    }

    /// Makes sure that load is on.
    fn go_on(&mut self) {
        if self.job.as_mut().is_some_and(|job| !job.has_ended()) {
            return;
        }
        self.end();
        let mut job = self.desk.start(&["run", &self.file, "--attach"]);
        job.says("load ");
        self.job = Some(job);
        self.runs += 1;
    }

    fn end(&mut self) {
        if let Some(job) = self.job.take() {
            let _ = job.wait();
        }
    }

    /// Every answer of every run that was owed came, once, right, and with certificates that hold.
    fn was_answered(mut self) {
        self.end();
        let runs: Vec<String> = self
            .desk
            .directories("runs/steady")
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        assert_eq!(runs.len() as u32, self.runs);
        let mut arguments = vec!["check", "--json", "--audit-all"];
        arguments.extend(runs.iter().map(String::as_str));
        let checked = self.desk.tally(&arguments).expect(0).json();
        for run in checked["runs"].as_array().unwrap() {
            let trial = &run["trials"][0];
            assert_eq!(trial["safety"], "clean", "{trial:#}");
            assert!(
                trial["accepted"].as_u64().unwrap() > 0,
                "nothing was accepted, so nothing was shown"
            );
            let answered = trial["answered"].as_u64().unwrap();
            assert!(answered >= trial["accepted"].as_u64().unwrap(), "{trial:#}");
            for flaw in [
                "lost",
                "wrong",
                "conflicting",
                "duplicated",
                "unexpected",
                "non_monotonic",
                "failed",
            ] {
                assert_eq!(trial[flaw]["count"], 0, "{flaw}: {trial:#}");
            }
        }
    }
}

/// Every role is killed in turn, and the control plane three times without a pause; each time somebody takes its place.
#[test]
fn nobody_is_needed_for_an_accepted_request_to_be_answered() {
    let _turn = turn();
    let desk = Desk::new();
    desk.tally(&["up", "--wait", "100"]).expect(0);
    let mut killer = Killer::new(&desk, 1);
    let mut load = Load::new(&desk);
    for prey in [
        Prey::Member(MemberRole::Worker),
        Prey::Member(MemberRole::Leader),
        Prey::Member(MemberRole::Follower),
        Prey::ControlPlane,
        Prey::ControlPlane,
        Prey::ControlPlane,
        Prey::Member(MemberRole::Leader),
    ] {
        load.go_on();
        killer.kill(prey);
    }
    load.was_answered();
    assert_eq!(desk.tally(&["calc", "((3+5)*(4/2))"]).expect(0).out, "16\n");
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
}

/// The same at moments and with victims that a seed draws, without waiting for the one to be replaced before the next dies.
#[test]
fn deaths_at_random_moments_cost_no_answer() {
    let _turn = turn();
    let desk = Desk::new();
    desk.tally(&["up", "--wait", "100"]).expect(0);
    let mut random = StdRng::seed_from_u64(2);
    let mut killer = Killer::new(&desk, 3);
    let mut load = Load::new(&desk);
    for round in 0..8 {
        load.go_on();
        // The moment is the input of this test, not something that is waited for.
        std::thread::sleep(Duration::from_millis(random.random_range(50..800)));
        // A request that was received five times without success ends with a named error, which is right but not the point.
        let victim = killer.kill_anything(round >= 3);
        println!("killed {victim}");
    }
    load.was_answered();
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
}
