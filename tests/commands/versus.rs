//! Arms side by side: what is refused before anything runs, what a comparison leaves behind, and nine stages of a scale-up.

use serde_json::Value;

use crate::SMALL;
use crate::program::{Desk, turn};

/// A second of twelve tasks' worth of work at a time for one worker: it has to get help.
const SURGE: &str = r#"
version = 1
name = "surge"
seed = 5
phases = { warmup = "500ms", measure = "6s", drain = "60s" }

[platform]
protocol = "none"
scaler = "threshold"
threshold = 4
min = 1
max = 3
work = { kind = "delay", mean = "40ms", dist = "fixed" }

[[load]]
name = "spike"
pattern = "burst"
base = "2/s"
peak = "60/s"
at = "1s"
for = "2s"
expr = [{ text = "1+2", answer = "3" }]

[[expect]]
that = "lost == 0 && wrong == 0"
when = "always"
"#;

/// Every bad list of arms ends with 2, names the arm and the remedy, and leaves no run.
#[test]
fn bad_arms_are_refused_before_anything_runs() {
    let desk = Desk::new();
    let file = desk.write("small.toml", SMALL);
    for (arms, more, told) in [
        ("hpa-cpu", vec![], "needs a cluster"),
        ("kubelet,whole", vec![], "`kubelet`"),
        (
            "whole+protocol=pbft",
            vec![],
            "`dispatch = \"whole\"` has no replicas",
        ),
        ("fixed-1,,fixed-2", vec![], "is not an arm"),
        ("fixed-2,fixed-2", vec![], "named twice"),
        ("kalmann", vec![], "that was arm `kalmann`"),
        ("fixed-2,replicas=7", vec![], "that was arm `replicas=7`"),
        ("max=16", vec![], "`platform.bounds.max` differs"),
        ("fixed-2", vec!["--attach"], "--attach"),
    ] {
        let mut arguments = vec!["run", &file, "--against", arms];
        arguments.extend(more);
        let done = desk.tally(&arguments).expect(2);
        assert!(done.err.contains(told), "{arms}: {}", done.err);
    }
    assert!(desk.files("runs").is_empty());
}

/// What is not there, or is not a run, ends with 2 and its name; one run alone is no comparison.
#[test]
fn what_cannot_be_compared_is_named() {
    let desk = Desk::new();
    let done = desk.tally(&["compare", "nothing", "a=neither"]).expect(2);
    assert!(
        done.err.contains("nothing") && done.err.contains("neither"),
        "{}",
        done.err
    );
    assert!(desk.files("runs").is_empty());
}

/// The order of a comparison is told without playing it: every arm once per trial, one seed per trial.
#[test]
fn a_rehearsal_tells_arms_and_seeds() {
    let desk = Desk::new();
    let file = desk.write("small.toml", SMALL);
    let arguments = [
        "run",
        &file,
        "--against",
        "fixed-2,fixed-3",
        "--trials",
        "4",
        "--dry-run",
        "--json",
    ];
    let document = desk.tally(&arguments).expect(0).json();
    let order = document["comparisons"][0]["order"].as_array().unwrap().clone();
    assert_eq!(order.len(), 12, "the file's own settings take part");
    for (number, trial) in order.chunks(3).enumerate() {
        let mut arms: Vec<&str> = trial.iter().filter_map(|turn| turn["arm"].as_str()).collect();
        arms.sort_unstable();
        assert_eq!(arms, ["fixed-1", "fixed-2", "fixed-3"]);
        assert!(
            trial.iter().all(|turn| turn["seed"] == 7 + number as u64),
            "{trial:?}"
        );
    }
    assert!(desk.files("runs").is_empty());
}

/// Beside a live autoscaler every arm is played with what `[live]` says, and the user is told; beside a model of one it is not.
#[test]
fn a_live_arm_changes_the_experiment_for_all() {
    let desk = Desk::new();
    let live = format!("{SMALL}\n[live]\nphases.measure = \"75s\"\n");
    let file = desk.write("small.toml", &live);
    let rehearse = |against: &str| {
        let arguments = [
            "run",
            &file,
            "--target",
            "kind",
            "--against",
            against,
            "--dry-run",
        ];
        desk.tally(&arguments).expect(0)
    };
    let (changed, own) = (rehearse("hpa-cpu"), rehearse("hpa"));
    assert!(changed.out.contains("measure for 75 s"), "{}", changed.out);
    assert!(changed.err.contains("[live]"), "{}", changed.err);
    assert!(
        !own.out.contains("measure for 75 s") && !own.err.contains("[live]"),
        "{}{}",
        own.out,
        own.err
    );
}

/// Two arms give one directory with a page; comparing the stored runs again gives the same bytes, twice.
#[test]
fn a_comparison_can_be_made_again() {
    let desk = Desk::new();
    let _turn = turn();
    let file = desk.write("small.toml", SMALL);
    let done = desk.tally(&["run", &file, "--against", "fixed-2", "--json"]);
    let document = done.json();
    let compared = &document["comparisons"][0];
    assert!(matches!(done.code, 0 | 3), "{}", done.err);
    let directory = compared["directory"].as_str().unwrap().to_owned();
    let arms: Vec<&Value> = compared["comparison"]["arms"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    let labels: Vec<&str> = arms.iter().filter_map(|arm| arm["label"].as_str()).collect();
    assert_eq!(labels, ["fixed-2", "fixed-1"]);
    let page = std::fs::read(desk.path(&directory).join("comparison.html")).unwrap();
    for place in ["again", "and-again"] {
        desk.tally(&["compare", "latest", "--into", place]).expect(0);
        assert!(
            page == std::fs::read(desk.path(place).join("comparison.html")).unwrap(),
            "{place}"
        );
    }
    // The same by the names of the runs.
    let run = |arm: usize| format!("{directory}/{}", arms[arm]["trials"][0]["run"].as_str().unwrap());
    let (one, two) = (run(0), run(1));
    let named = desk
        .tally(&["compare", &format!("a={one}"), &two, "--into", "named"])
        .expect(0);
    assert!(
        named.out.contains(" a ") || named.out.contains("a and fixed-1"),
        "{}",
        named.out
    );
    let alone = desk.tally(&["compare", &one]).expect(2);
    assert!(alone.err.contains("only one arm"), "{}", alone.err);
    desk.is_deserted();
}

/// The same plan in virtual time is an arm like any other, and the comparison says how far it is from what was measured.
#[test]
fn virtual_time_is_an_arm() {
    let desk = Desk::new();
    let _turn = turn();
    let file = desk.write("small.toml", SMALL);
    let done = desk.tally(&["run", &file, "--against", "sim", "--json"]);
    assert!(matches!(done.code, 0 | 3), "{}", done.err);
    let comparison = &done.json()["comparisons"][0]["comparison"];
    let found = &comparison["calibrations"][0];
    assert_eq!([&found["simulated"], &found["measured"]], ["sim", "fixed-1"]);
    let names: Vec<&str> = found["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|error| error["measured"].as_f64() > Some(0.0) && error["simulated"].as_f64() > Some(0.0))
        .filter_map(|error| error["name"].as_str())
        .collect();
    assert!(
        names.contains(&"p50 latency") && names.contains(&"p50 critical path"),
        "{names:?}"
    );
    desk.is_deserted();
}

/// A surge that one worker cannot serve shows all nine stages, in order, in the stored results.
#[test]
fn a_scale_up_shows_nine_stages_in_order() {
    let desk = Desk::new();
    let _turn = turn();
    let file = desk.write("surge.toml", SURGE);
    desk.tally(&["run", &file]).expect_of_run(0);
    let results = desk.path("runs/latest/results.json");
    let results: Value = serde_json::from_slice(&std::fs::read(results).unwrap()).unwrap();
    let scale_ups = results["trials"][0]["summary"]["scale_ups"]
        .as_array()
        .unwrap()
        .clone();
    let stages = |scale_up: &Value| -> Vec<Option<u64>> {
        let stages = scale_up["stages"].as_array().unwrap();
        stages.iter().map(Value::as_u64).collect()
    };
    let whole = scale_ups
        .iter()
        .map(stages)
        .find(|stages| stages.iter().all(Option::is_some));
    let whole = whole.unwrap_or_else(|| panic!("no scale-up came to its end: {scale_ups:?}"));
    assert_eq!(whole.len(), 9);
    assert!(whole.is_sorted(), "{whole:?}");
    desk.is_deserted();
}
