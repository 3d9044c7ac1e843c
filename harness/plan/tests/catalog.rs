//! Every experiment of the catalog and every template is valid, and every workload is the one that was stored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use tally_plan::{Experiment, Plan, explain, parse, templates};
use tally_workloads::{CATALOG, FINGERPRINTED};

fn read(name: &str, source: &str) -> Experiment {
    parse(source).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"))
}

/// The stored fingerprints of `name`, or fresh ones if the variable `TALLY_BLESS` is set.
fn stored(name: &str, fresh: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../workloads/fingerprints")
        .join(format!("{name}.txt"));
    if std::env::var_os("TALLY_BLESS").is_some() {
        std::fs::write(&path, fresh).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A catalog name is the name in its file, so that `tally run NAME` and the run directory agree.
#[test]
fn catalog_names_are_the_names_in_the_files() {
    for entry in CATALOG {
        assert_eq!(read(entry.name, entry.source).name, entry.name);
    }
}

/// The list in the code is the folder.
#[test]
fn the_catalog_holds_every_file_of_its_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads/catalog");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let mut names: Vec<String> = CATALOG.iter().map(|entry| entry.name.to_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

/// The first thousand requests of each experiment are stored as a hash, for its own seed and two more.
#[test]
fn workloads_are_the_ones_that_were_stored() {
    for entry in CATALOG {
        let mut experiment = read(entry.name, entry.source);
        let mut lines = String::from("# seed, and hash of the first 1000 requests\n");
        for seed in [experiment.seed, 1001, 1002] {
            experiment.seed = seed;
            let fingerprint = Plan::expand(&experiment).workload_fingerprint(FINGERPRINTED);
            lines += &format!("{seed} {fingerprint}\n");
        }
        assert_eq!(
            lines,
            stored(entry.name, &lines),
            "the workload of {} changed",
            entry.name
        );
    }
}

/// Every experiment of the catalog expects nothing lost, wrong or conflicting, and its load is over in half a
/// minute, unless it is about scaling.
#[test]
fn the_catalog_is_strict_and_short() {
    for entry in CATALOG {
        let experiment = read(entry.name, entry.source);
        for needed in [
            "lost == 0",
            "wrong == 0",
            "conflicting == 0",
            "success_rate >= ",
            "(latency) < ",
        ] {
            let found = experiment
                .expectations
                .iter()
                .any(|expectation| expectation.that.contains(needed));
            assert!(found, "{}: {needed}", entry.name);
        }
        let load = experiment.phases.warmup + experiment.phases.measure;
        // What policies do takes minutes; these are made for virtual time.
        let longest = if entry.name.starts_with("scaling-") {
            200
        } else {
            30
        };
        assert!(load <= Duration::from_secs(longest), "{}", entry.name);
        assert!(
            experiment.phases.drain <= Duration::from_mins(1),
            "{}",
            entry.name
        );
    }
}

/// Every expression that the catalog sends parses, and none fails by accident.
#[test]
fn catalog_expressions_have_the_answers_they_should() {
    for entry in CATALOG {
        let plan = Plan::expand(&read(entry.name, entry.source));
        for shot in plan.shots.iter() {
            let expression = tally_expression::parse(shot.expression)
                .unwrap_or_else(|error| panic!("{}: {}: {error}", entry.name, shot.expression));
            let answer = expression.evaluate();
            match shot.expected {
                Some(expected) => assert_eq!(answer, *expected, "{}", shot.expression),
                None => assert!(
                    !answer.to_string().starts_with("error"),
                    "{}: {answer}",
                    shot.expression
                ),
            }
        }
    }
}

/// Every template is a valid experiment that can be explained.
#[test]
fn templates_are_valid() {
    for (name, source) in templates() {
        let text = explain(&read(name, source));
        assert!(text.contains("Timeline") && text.contains("plan "), "{text}");
    }
    assert_eq!(
        templates().iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["burst", "dependent", "chaos", "ci"]
    );
}
