//! `--set key=value` replaces values before anything is checked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use tally_model::Scaler;
use tally_plan::{Experiment, parse_live, parse_with, templates};
use tally_workloads::{Pattern, Rate};

fn with(overrides: &[(&str, &str)]) -> Result<Experiment, String> {
    let overrides: Vec<(String, String)> = overrides
        .iter()
        .map(|(k, v)| ((*k).into(), (*v).into()))
        .collect();
    parse_with(templates()[0].1, &overrides).map_err(|problems| {
        let lines: Vec<String> = problems
            .iter()
            .map(|p| format!("{} {}", p.code, p.message))
            .collect();
        lines.join("\n")
    })
}

/// Values of tables, of lists by name and by number, and new keys can be set, with and without quotes.
#[test]
fn values_anywhere_can_be_set() {
    let experiment = with(&[
        ("platform.scaler", "fixed-3"),
        ("load.spike.base", "7/s"),
        ("load.0.peak", "\"9/s\""),
        ("trials", "3"),
        ("platform.visibility", "5s"),
    ])
    .unwrap();
    assert_eq!(experiment.platform.scaler, Scaler::Fixed(3));
    assert_eq!(
        (experiment.trials, experiment.platform.timing.visibility.as_secs()),
        (3, 5)
    );
    let Pattern::Burst { base, peak, .. } = experiment.loads[0].pattern else {
        panic!()
    };
    assert_eq!((base, peak), (Rate::per_second(7), Rate::per_second(9)));
}

/// Whole expressions are for workers without replicas: both settings are named otherwise, and what is said in words says it.
#[test]
fn whole_expressions_have_no_replicas() {
    let whole = ("platform.dispatch", "whole");
    let problem = with(&[whole]).unwrap_err();
    let told = "F0210 `dispatch = \"whole\"` has no replicas, and `protocol` is \"pbft\"";
    assert!(problem.starts_with(told), "{problem}");
    let experiment = with(&[whole, ("platform.protocol", "none")]).unwrap();
    assert_eq!(experiment.platform.dispatch, tally_model::Dispatch::Whole);
    assert!(tally_plan::explain(&experiment).contains("each expression whole, by one worker"));
}

/// A file that names its replicas can be played without them.
#[test]
fn a_file_is_played_without_its_replicas() {
    let entry = tally_workloads::catalog_entry("chaos-worker").unwrap();
    assert!(entry.source.contains("replicas = 4"));
    let without = [("platform.protocol".to_owned(), "none".to_owned())];
    let experiment = parse_with(entry.source, &without).unwrap();
    assert_eq!(experiment.platform.protocol, tally_model::Protocol::None);
    let both = [
        without[0].clone(),
        ("platform.replicas".to_owned(), "7".to_owned()),
    ];
    assert!(parse_with(entry.source, &both).is_err());
}

/// What cannot be set is an error that names the override, never silence.
#[test]
fn unknown_keys_and_bad_values_are_errors() {
    let cases = [
        (
            "platform.scalar",
            "fixed-3",
            "F0201",
            "--set platform.scalar=fixed-3",
        ),
        ("nonsense", "1", "F0201", "--set nonsense=1"),
        ("load.spikes.base", "7/s", "F0211", "--set load.spikes.base=7/s"),
        ("load.7.base", "7/s", "F0211", "there is no `load` called `7`"),
        ("load.spike", "7", "F0211", "only values inside"),
        ("name.first", "x", "F0211", "has no keys"),
        ("", "1", "F0211", "not a key"),
        ("a..b", "1", "F0211", "not a key"),
        ("name", "../../x", "F0301", "../../x"),
        ("name", "latest", "F0301", "latest"),
        ("name", "comparisons", "F0301", "comparisons"),
        ("name", "-x", "F0301", "`-x` cannot be"),
        ("phases.measure", "fast", "F0204", "--set phases.measure=fast"),
        ("trials", "0", "F0205", "--set trials=0"),
    ];
    for (key, value, code, words) in cases {
        let problems = with(&[(key, value)]).unwrap_err();
        assert!(
            problems.starts_with(code) && problems.contains(words),
            "{key}={value}: {problems}"
        );
    }
}

/// Beside a live autoscaler values of `[live]` hold, `--set` has the last word, and otherwise the table changes nothing.
#[test]
fn live_values_hold_only_beside_a_live_autoscaler() {
    let plain = templates()[0].1;
    let source = format!("{plain}\n[live]\nphases.measure = \"75s\"\nload.spike.for = \"1m\"\n");
    let own = parse_with(&source, &[]).unwrap();
    assert_eq!(own, parse_with(plain, &[]).unwrap());
    assert_eq!(parse_live(plain, &[]).unwrap(), own);
    let live = parse_live(&source, &[]).unwrap();
    assert_eq!(live.phases.measure.as_secs(), 75);
    let length = |experiment: &Experiment| match experiment.loads[0].pattern {
        Pattern::Burst { length, .. } => length.as_secs(),
        _ => panic!(),
    };
    assert!(length(&live) == 60 && length(&own) != 60);
    let set = [("load.spike.for".to_owned(), "5s".to_owned())];
    assert_eq!(length(&parse_live(&source, &set).unwrap()), 5);
}

/// What is wrong in `[live]` is told at its place whenever the file is read, and what is wrong in the file only once.
#[test]
fn live_values_are_checked_with_the_file() {
    let plain = templates()[0].1;
    let problems = |source: &str| parse_with(source, &[]).unwrap_err();
    for (wrong, code) in [
        ("[live]\nphases.measure = \"long\"\n", "F0204"),
        ("[live]\nload.missing.for = \"1m\"\n", "F0211"),
        ("[live]\nplatfrom.min = 1\n", "F0201"),
    ] {
        let source = format!("{plain}\n{wrong}");
        let found = problems(&source);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, code, "{found:?}");
        assert!(
            found[0].span.is_some_and(|span| span.start >= plain.len()),
            "{found:?}"
        );
    }
    let twice = format!("sed = 1\n{plain}\n[live]\nphases.measure = \"75s\"\n");
    assert_eq!(problems(&twice).len(), 1);
    assert_eq!(problems(&format!("live = 3\n{plain}"))[0].code, "F0203");
}
