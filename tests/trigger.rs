//! The report's trigger-parsing call, over gRPC to the control plane of a running platform.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tally_local::{Announcement, Operator, State, SupervisorConfig};
use tally_model::{Dispatch, PlatformConfig, Protocol, Scaler, Timing};
use tally_wire::services::TriggerParsingRequest;
use tally_wire::services::scheduler_client::SchedulerClient;

#[path = "support/door.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod door;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;

use door::Door;
use program::{Desk, turn, until};

/// Starts a platform in the report's mode, whose period never comes, where the commands find it.
fn up(desk: &Desk) -> (Child, State) {
    let platform = PlatformConfig {
        protocol: Protocol::None,
        dispatch: Dispatch::Report,
        scaler: Scaler::Fixed(1),
        timing: Timing {
            report_poll: Duration::from_hours(1),
            ..Timing::default()
        },
        ..PlatformConfig::default()
    };
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let config = SupervisorConfig {
        data: desk.path("state/data"),
        platform,
        http: anywhere,
        grpc: anywhere,
        parent: None,
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(["serve", "supervisor"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(desk.path("supervisor.log")).unwrap())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", serde_json::to_string(&config).unwrap()).unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let announced: Announcement = serde_json::from_str(&line).unwrap();
    let state = State {
        http: announced.http.unwrap(),
        supervisor: announced.grpc,
        process: child.id(),
        data: config.data,
    };
    desk.write("state/platform.json", &serde_json::to_string(&state).unwrap());
    (child, state)
}

/// The scheduler of a platform, called.
struct Scheduler {
    runtime: tokio::runtime::Runtime,
    address: String,
}

impl Scheduler {
    fn of(state: &State) -> Self {
        let mut operator = Operator::new(state.supervisor).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let address = until("a control plane", || {
            operator.status().ok()?.control_plane.pod.address
        });
        Self { runtime, address }
    }

    /// Calls it; the number of requests it holds.
    fn trigger(&self) -> u64 {
        let call = async {
            let mut client = SchedulerClient::connect(format!("http://{}", self.address))
                .await
                .unwrap();
            let reply = client.trigger_parsing(TriggerParsingRequest {}).await;
            reply.unwrap().into_inner().pending
        };
        self.runtime.block_on(call)
    }
}

/// In the report's mode layers are looked at on a period; a call looks at once, and tells how many requests are held. Here the period is an
/// hour: a task is taken only because of the call, and one that depends on another is not even enqueued.
#[test]
fn a_call_takes_what_waits_for_the_period() {
    let _turn = turn();
    let desk = Desk::new();
    let (mut child, state) = up(&desk);
    let (door, scheduler) = (Door::of(&desk), Scheduler::of(&state));
    let asked = |path: &str| door.exchange("GET", path, "text/plain", "").json();
    let accepted = |key: &str, expression: &str| {
        let reply = door.submit(key, expression);
        assert_eq!(reply.status, 202, "{}", reply.text());
        format!("/v1/expressions/{}", reply.json()["id"].as_str().unwrap())
    };
    // The first may be taken by the look that a set gets when it is new.
    for key in ["one", "two", "three"] {
        let path = accepted(key, "1+2");
        let answer = until("an answer", || {
            scheduler.trigger();
            Some(asked(&path)).filter(|answer| answer["status"] == "done")
        });
        assert_eq!(answer["value"], "3");
    }
    until("no request in hand", || (scheduler.trigger() == 0).then_some(()));
    let path = accepted("four", "(1+2)*3");
    until("the request in hand", || (scheduler.trigger() == 1).then_some(()));
    assert_eq!(scheduler.trigger(), 1);
    assert_eq!(asked(&path)["status"], "pending");
    desk.tally(&["down"]).expect(0);
    assert!(child.wait().unwrap().success());
    desk.is_deserted();
}
