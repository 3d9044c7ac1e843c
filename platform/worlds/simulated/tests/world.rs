//! The platform in virtual time: it answers, it survives what the local world survives, and it does so twice alike.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::time::Duration;

use tally_expression::Frontier;
use tally_model::{
    Bounds, Dispatch, Instant, LeaderChange, NodeId, Outcome, PlatformConfig, Protocol, Scaler, Step, Suite,
};
use tally_simulated::{Lie, Options, Request, Shot, Timeline, Users, World};

const EXPRESSIONS: [&str; 6] = [
    "((3+5)*(4/2))",
    "1/3-2",
    "7",
    "2*3*4*5",
    "1/(2-2)",
    "(1+2)*(3-4)/(5+6)",
];

fn config(protocol: Protocol) -> PlatformConfig {
    PlatformConfig {
        protocol,
        ..PlatformConfig::default()
    }
}

fn timeline(requests: u64, every: Duration) -> Timeline {
    let shots = (0..requests).map(move |n| Shot {
        n,
        due: every * n as u32,
        expression: EXPRESSIONS[n as usize % EXPRESSIONS.len()].to_owned(),
        work_key: n,
    });
    Timeline {
        shots: Box::new(shots),
        users: Vec::new(),
        closed_end: Duration::ZERO,
        drain: every * requests as u32,
        tag: "test".to_owned(),
        patience: Duration::from_secs(30),
    }
}

/// What the platform's own arithmetic gives, computed in one go.
fn expected(text: &str) -> Outcome {
    let expression = match tally_expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => return Outcome::Error(error.failure),
    };
    let mut frontier = Frontier::new(expression.dag());
    loop {
        if let Some(outcome) = frontier.answer() {
            return outcome;
        }
        for task in frontier.ready() {
            let outcome = tally_expression::apply(task.operation, &task.left, &task.right);
            frontier.complete(task.index, outcome);
        }
    }
}

/// Plays requests while `act` does something to the world every 100 ms; everything must be answered, and rightly.
fn played(protocol: Protocol, seed: u64, act: impl Fn(&mut World, u32)) -> (World, Vec<Request>) {
    played_on(config(protocol), seed, act)
}

fn played_on(config: PlatformConfig, seed: u64, act: impl Fn(&mut World, u32)) -> (World, Vec<Request>) {
    let protocol = config.protocol;
    let mut world = World::new(Options::new(config, seed)).unwrap();
    world.settle(Duration::from_secs(20)).unwrap();
    world.play(timeline(200, Duration::from_millis(10)));
    for tick in 0..600 {
        act(&mut world, tick);
        world.advance(Duration::from_millis(100));
        if !world.has_more_requests() && world.open_requests() == 0 {
            break;
        }
    }
    let requests = world.take_finished();
    assert_eq!(
        requests.len(),
        200,
        "{protocol}: {} are open",
        world.open_requests()
    );
    for request in &requests {
        let answer = request.answer.as_ref().unwrap_or_else(|| panic!("{request:?}"));
        assert_eq!(
            answer.outcome,
            expected(&request.expression),
            "{}",
            request.expression
        );
    }
    assert_eq!(world.trouble(), None);
    (world, requests)
}

const PROTOCOLS: [Protocol; 2] = [Protocol::None, Protocol::Collect];

/// Every protocol answers everything, in milliseconds of virtual time.
#[test]
fn every_protocol_answers_everything() {
    for protocol in PROTOCOLS {
        let (_, requests) = played(protocol, 1, |_, _| {});
        let slow = requests
            .iter()
            .map(|request| request.done.unwrap().since(request.intended))
            .max()
            .unwrap();
        assert!(slow < Duration::from_secs(1), "{protocol}: {slow:?}");
        assert!(requests.iter().all(|request| request.attempts == 1));
    }
}

/// Equal seeds give equal runs to the last bit, different ones do not.
#[test]
fn equal_seeds_give_equal_traces() {
    for protocol in PROTOCOLS {
        let windy = |world: &mut World, _| world.link().weather.jitter = Duration::from_millis(2);
        let hash = |seed| played(protocol, seed, windy).0.trace_hash();
        assert_eq!(hash(7), hash(7), "{protocol}");
        assert_ne!(hash(7), hash(8), "{protocol}");
    }
}

/// A worker, a leader and a follower are killed under load: each is replaced, and nothing is lost.
#[test]
fn killed_members_are_replaced() {
    for role in [
        "add-1-worker",
        "mul-1-replica-0",
        "mul-1-replica-1",
        "div-1-replica-2",
    ] {
        let (mut world, _) = played(Protocol::Collect, 3, |world, tick| {
            if tick == 5 {
                let name = format!("{role}-0");
                world.kill(&name).unwrap();
            }
        });
        let steps: Vec<Step> = world.take_observations().iter().map(|seen| seen.step).collect();
        assert!(steps.contains(&Step::FaultRaised), "{role}");
        assert!(steps.contains(&Step::EpochChanged), "{role}");
        assert!(world.pods().any(|pod| pod.name == format!("{role}-1")), "{role}");
    }
}

/// The control plane dies twice under load: what was accepted is answered.
#[test]
fn a_killed_control_plane_loses_nothing() {
    for protocol in PROTOCOLS {
        let (world, requests) = played(protocol, 4, |world, tick| {
            if tick == 4 || tick == 12 {
                world.kill_control();
            }
        });
        assert_eq!(world.control(), (true, 2));
        assert!(requests.iter().any(|request| request.attempts > 1), "{protocol}");
    }
}

/// Whole expressions survive what split ones do: a worker and the control plane die under load, and each request is answered, rightly, by
/// at most one task that carries its text.
#[test]
fn whole_expressions_are_answered_whatever_dies() {
    let whole = PlatformConfig {
        dispatch: Dispatch::Whole,
        ..config(Protocol::None)
    };
    let (mut world, requests) = played_on(whole, 12, |world, tick| match tick {
        0 => world.link().weather.jitter = Duration::from_millis(2),
        3 => world.kill("mul-1-worker-0").unwrap(),
        6 | 13 => world.kill_control(),
        _ => {}
    });
    assert_eq!(world.control(), (true, 2));
    assert!(
        world
            .take_observations()
            .iter()
            .any(|seen| seen.step == Step::FaultRaised)
    );
    for request in &requests {
        let tasks = &request.answer.as_ref().unwrap().tasks;
        let has_operations = request.expression != "7";
        assert_eq!(tasks.len(), usize::from(has_operations), "{}", request.expression);
        assert!(tasks.iter().all(|task| task.job.expression.is_some()));
    }
}

/// A process that is stopped and goes on finds what was sent to it meanwhile.
#[test]
fn pauses_are_survived() {
    let (_, _) = played(Protocol::Collect, 5, |world, tick| match tick {
        4 => world.pause_control(),
        8 => world.resume_control(),
        10 => world.pause("add-1-replica-1-0").unwrap(),
        14 => world.resume("add-1-replica-1-0").unwrap_or_default(),
        _ => {}
    });
}

/// With signatures that cost nothing.
fn quick(protocol: Protocol) -> PlatformConfig {
    PlatformConfig {
        suite: Suite::Simulation,
        corruptible: true,
        ..config(protocol)
    }
}

/// A replica that signs wrong results is outvoted, and a worker that tells them is found out; neither makes an answer wrong.
#[test]
fn members_that_answer_wrongly_are_outvoted_or_found_out() {
    for protocol in [Protocol::Pbft, Protocol::Vote, Protocol::Collect] {
        let pods = ["add-1-replica-1-0", "mul-1-worker-0"];
        let (mut world, _) = played_on(quick(protocol), 6, |world, tick| match tick {
            3 | 12 => {
                for pod in pods {
                    // One that was replaced meanwhile cannot be told anything.
                    let told = world.answer_wrongly(pod, tick == 3);
                    assert!(told.is_ok() || tick == 12, "{told:?}");
                }
            }
            _ => {}
        });
        let raised: Vec<NodeId> = world
            .take_observations()
            .into_iter()
            .filter(|seen| seen.step == Step::FaultRaised)
            .filter_map(|seen| seen.node)
            .collect();
        let worker = raised.iter().any(|node| node.to_string() == "mul-1/worker");
        assert!(worker, "{protocol}: {raised:?}");
    }
}

/// The members of a set hear that their primary's connections broke, and open the next view long before a request has waited for
/// its timeout; nobody is told when it is only stopped.
#[test]
fn a_primary_that_dies_is_left_at_once() {
    let entered = |kill: bool| {
        let (mut world, _) = played_on(quick(Protocol::Pbft), 8, |world, tick| match (tick, kill) {
            (5, true) => world.kill("add-1-replica-0-0").unwrap(),
            (5, false) => world.pause("add-1-replica-0-0").unwrap(),
            _ => {}
        });
        let seen = world.take_observations();
        let at = |found: Option<&tally_model::Observation>| found.map(|seen| seen.at);
        let view =
            |seen: &&tally_model::Observation| seen.step == Step::ViewEntered && seen.value > Some(0.0);
        let first: Instant = at(seen.iter().find(view)).unwrap();
        let ready = seen.iter().find(|seen| seen.step == Step::SetReady);
        first.since(at(ready).unwrap())
    };
    let (dead, silent) = (entered(true), entered(false));
    assert!(dead + Duration::from_millis(100) < silent, "{dead:?}, {silent:?}");
}

/// The longest time between two answers in a row, when a member of the only set for additions is killed, or stopped for a second.
fn longest_gap(config: PlatformConfig, after: u8, kill: bool) -> Duration {
    let config = PlatformConfig {
        scaler: Scaler::Fixed(1),
        bounds: Bounds { min: 1, max: 1 },
        ..config
    };
    let mut world = World::new(Options {
        oracle: Some(expected),
        ..Options::new(config, 9)
    })
    .unwrap();
    world.settle(Duration::from_secs(20)).unwrap();
    let shots = (0..400).map(|n| Shot {
        n,
        due: Duration::from_millis(5) * n as u32,
        expression: format!("{n}+1"),
        work_key: n,
    });
    let shots = Box::new(shots);
    world.play(Timeline {
        shots,
        ..timeline(400, Duration::from_millis(5))
    });
    world.advance(Duration::from_millis(500));
    let record = world.sets().find(|record| record.id.to_string() == "add-1");
    let index = (record.unwrap().leader + after) % 4;
    let victim = format!("add-1-replica-{index}-0");
    if kill {
        world.kill(&victim).unwrap();
    } else {
        world.pause(&victim).unwrap();
        world.advance(Duration::from_secs(1));
        world.resume(&victim).unwrap();
    }
    world.advance(Duration::from_secs(30));
    assert_eq!(world.violation(), None);
    let mut done: Vec<Instant> = world.take_finished().iter().filter_map(|r| r.done).collect();
    assert_eq!(done.len(), 400, "everything is answered");
    done.sort_unstable();
    let gaps = done.windows(2).map(|pair| pair[1].since(pair[0]));
    gaps.max().unwrap()
}

/// What the report leaves open about its set can be chosen, and what was chosen is what happens (C2, C5, M76, M77). With the leader's vote
/// in the quorum of 3 of 4 a follower that stands still is masked; without it that follower stops the set (the literal reading).
/// A lost leader stops the set until it is replaced, whether its successor leads, another is drawn, or a lock is handed on; in
/// `pbft` the others go on at once.
#[test]
fn readings_of_the_report_are_chosen_and_pbft_is_quicker_than_all() {
    let masked = longest_gap(quick(Protocol::Collect), 1, false);
    let literal = PlatformConfig {
        count_leader_vote: false,
        ..quick(Protocol::Collect)
    };
    let stopped = longest_gap(literal, 1, false);
    let led = |leader, leader_lock| PlatformConfig {
        leader: Some(leader),
        leader_lock,
        ..quick(Protocol::Collect)
    };
    let change = longest_gap(quick(Protocol::Pbft), 0, true);
    let elected = longest_gap(led(LeaderChange::Election, false), 0, true);
    let replaced = longest_gap(led(LeaderChange::AdminReplace, false), 0, true);
    let locked = longest_gap(led(LeaderChange::Election, true), 0, true);
    let told = format!(
        "masked {masked:?}, literal {stopped:?}, view change {change:?}, election {elected:?}, \
         admin-replace {replaced:?}, election with a lock {locked:?}"
    );
    let still = Duration::from_millis(900);
    assert!(masked < Duration::from_millis(50) && stopped > still, "{told}");
    assert!(change * 2 < elected && change * 2 < replaced, "{told}");
    assert!(elected < locked, "{told}");
}

/// Two of four replicas that sign the same wrong result are more than f: their answers are certified, and what compares answers with
/// the arithmetic says so (Z10). In `collect` 3 of 4 must agree, so two of them only withhold.
#[test]
fn two_colluding_replicas_are_found_out() {
    for protocol in [Protocol::Pbft, Protocol::Collect] {
        let mut world = World::new(Options {
            oracle: Some(expected),
            ..Options::new(quick(protocol), 10)
        })
        .unwrap();
        world.settle(Duration::from_secs(20)).unwrap();
        for index in [1, 2] {
            world
                .corrupt(&format!("add-1-replica-{index}-0"), Lie::Wrong)
                .unwrap();
        }
        world.play(timeline(200, Duration::from_millis(10)));
        world.advance(Duration::from_secs(4));
        let found = world.violation().map(|violation| violation.invariant);
        let wanted = (protocol == Protocol::Pbft).then_some("answers");
        assert_eq!(found, wanted, "{protocol}: {:?}", world.violation());
    }
}

/// Users that have nothing more to ask before their time is over have run dry; those whose time ends first have not.
#[test]
fn users_without_requests_are_told() {
    for (requests, dry) in [(5, true), (100_000, false)] {
        let mut world = World::new(Options::new(config(Protocol::None), 3)).unwrap();
        world.settle(Duration::from_secs(20)).unwrap();
        let asked = (0..requests).map(|n| Shot {
            n,
            due: Duration::ZERO,
            expression: "1+2".to_owned(),
            work_key: n,
        });
        let users = Users {
            users: 2,
            think: Duration::from_millis(10),
            requests: Box::new(asked),
        };
        world.play(Timeline {
            users: vec![users],
            closed_end: Duration::from_secs(1),
            ..timeline(0, Duration::ZERO)
        });
        world.advance(Duration::from_secs(2));
        assert_eq!(world.ran_dry(), dry, "{requests} requests");
        assert_eq!(world.open_requests(), 0);
    }
}
