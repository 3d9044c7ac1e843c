//! What a plan promises: order, independence of loads, bounds, and a form that can be stored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use tally_plan::{Experiment, Plan, When, parse, templates};
use tally_workloads::CATALOG;

fn template(name: &str) -> Experiment {
    parse(templates().iter().find(|(known, _)| *known == name).unwrap().1).unwrap()
}

const CLOSED: &str = r#"
version = 1
name = "closed"
phases = { warmup = "1s", measure = "4s" }
[[load]]
name = "users"
pattern = "closed"
users = 3
think = "100ms"
expr = { kind = "flat" }
[[load]]
name = "open"
pattern = "poisson"
rate = "100/s"
expr = { kind = "mixed", parts = [{ kind = "flat", weight = 3 }, { kind = "tree", depth = 2 }] }
"#;

/// Requests are in the order they are due, numbered from 0, and inside warm-up and measure phase.
#[test]
fn requests_are_ordered_and_numbered() {
    for entry in CATALOG {
        let plan = Plan::expand(&parse(entry.source).unwrap());
        assert!(
            plan.shots.iter().is_sorted_by_key(|shot| shot.due),
            "{}",
            entry.name
        );
        assert!(
            plan.shots
                .iter()
                .enumerate()
                .all(|(n, shot)| shot.n == n as u64 && shot.due < plan.measure_end())
        );
    }
}

/// A load is drawn from its own streams: with or without another one beside it, it is the same.
#[test]
fn a_further_load_changes_no_other() {
    let both = parse(CLOSED).unwrap();
    let mut one = both.clone();
    one.loads.remove(0);
    one.loads.push(template("burst").loads.remove(0));
    let of = |experiment: &Experiment, index: u32| -> Vec<(u64, String, u64)> {
        let plan = Plan::expand(experiment);
        let shots = plan.shots.iter().filter(|shot| shot.load == index);
        shots
            .map(|shot| (shot.due, shot.expression.to_owned(), shot.work_key))
            .collect()
    };
    assert_eq!(of(&both, 1), of(&one, 0));
    assert!(!of(&both, 1).is_empty());
}

/// Another seed, another plan; the same seed, the same bytes.
#[test]
fn a_plan_is_a_function_of_its_experiment() {
    let mut experiment = template("chaos");
    let plan = Plan::expand(&experiment);
    assert_eq!(plan, Plan::expand(&experiment));
    assert_eq!(plan.hash(), Plan::expand(&experiment).hash());
    experiment.seed += 1;
    assert_ne!(plan.fingerprint, Plan::expand(&experiment).fingerprint);
    experiment.seed -= 1;
    experiment.faults[0].length += std::time::Duration::from_nanos(1);
    let other = Plan::expand(&experiment);
    assert_eq!(plan.fingerprint, other.fingerprint);
    assert_ne!(plan.hash(), other.hash());
}

/// A plan and an experiment survive storage.
#[test]
fn plans_and_experiments_survive_json() {
    for entry in CATALOG {
        let experiment = parse(entry.source).unwrap();
        let plan = Plan::expand(&experiment);
        let stored = serde_json::to_string(&plan).unwrap();
        assert_eq!(
            serde_json::from_str::<Plan>(&stored).unwrap(),
            plan,
            "{}",
            entry.name
        );
        let stored = serde_json::to_string(&experiment).unwrap();
        assert_eq!(
            serde_json::from_str::<Experiment>(&stored).unwrap(),
            experiment,
            "{}",
            entry.name
        );
    }
}

/// A closed load is a stream per user: the same when asked again, different between users.
#[test]
fn closed_users_have_streams_of_their_own() {
    let plan = Plan::expand(&parse(CLOSED).unwrap());
    let load = &plan.closed[0];
    assert_eq!(
        (load.users, load.think, plan.loads[0].requests),
        (3, 100_000_000, 0)
    );
    let texts = |user| {
        load.requests(user)
            .take(5)
            .map(|request| request.expression)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(0), texts(0));
    assert_ne!(texts(0), texts(1));
    let stored = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
}

/// Windows follow the faults: before the first, during each, after each up to the next, and the rest.
#[test]
fn windows_follow_the_faults() {
    let entry = tally_workloads::catalog_entry("chaos-follower").unwrap();
    let plan = Plan::expand(&parse(entry.source).unwrap());
    let seconds = |when: When| -> Vec<(u64, u64)> {
        let windows = plan.windows(&when).into_iter();
        windows
            .map(|window| (window.start / 1_000_000_000, window.end / 1_000_000_000))
            .collect()
    };
    assert_eq!(seconds(When::Measure), [(2, 15)]);
    assert_eq!(seconds(When::Always), [(0, 25)]);
    assert_eq!(seconds(When::Before), [(2, 5)]);
    assert_eq!(seconds(When::During(None)), [(5, 8), (10, 13)]);
    assert_eq!(seconds(When::During(Some("pause-follower".into()))), [(10, 13)]);
    assert_eq!(seconds(When::After(Some("kill-follower".into()))), [(8, 10)]);
    assert_eq!(seconds(When::Steady), [(2, 5), (8, 10), (13, 15)]);
}

/// An operation may be written by its name or its symbol, in a load and in a fault.
#[test]
fn an_operation_has_a_name_and_a_symbol() {
    let named = "expr = { kind = \"flat\", ops = [\"add\", \"div\"] }\n[[fault]]\nname = \"f\"\nkind = \"kill\"\n\
        role = \"worker\"\noperation = \"mul\"\nat = \"1s\"\nfor = \"1s\"\n";
    let signed = named.replace("add", "+").replace("div", "/").replace("mul", "*");
    let file = |end: &str| {
        let head = "version = 1\nname = \"x\"\nphases = { measure = \"4s\" }\n[[load]]\nname = \"a\"\n\
            pattern = \"constant\"\nrate = \"9/s\"\n";
        parse(&format!("{head}{end}")).unwrap()
    };
    assert_eq!(file(named), file(&signed));
}
