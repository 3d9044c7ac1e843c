//! Claims about the flags.

use crate::flags::*;

fn parse(line: &str) -> Result<Flags, String> {
    Flags::parse(line.split_whitespace().map(str::to_owned))
}

/// Only `--bench` without `--test` measures: `cargo test --benches` passes neither, `cargo bench -- --test` both.
#[test]
fn without_bench_nothing_is_measured() {
    for (line, measures) in [
        ("", false),
        ("--bench", true),
        ("--bench --test", false),
        ("--test --bench", false),
    ] {
        assert_eq!(parse(line).unwrap().measure, measures, "{line}");
    }
}

/// Flags with values take them after a blank or `=`, and a value is never mistaken for a filter.
#[test]
fn values_are_not_filters() {
    let flags = parse("--bench --color never --format=terse burst --trials 7 --save-baseline=main").unwrap();
    assert_eq!(flags.filters, ["burst"]);
    assert_eq!(flags.trials, Some(7));
    assert_eq!(flags.baseline, Baseline::Save("main".into()));
    let flags = parse("--bench --baseline-lenient a --noise-threshold 0.1").unwrap();
    assert_eq!(
        flags.baseline,
        Baseline::Compare {
            name: "a".into(),
            lenient: true
        }
    );
    assert_eq!(flags.noise, 0.1);
}

/// A flag of another harness is told and ignored; a senseless value is an error.
#[test]
fn strange_flags_are_ignored_and_strange_values_are_not() {
    let flags = parse("--bench --frobnicate --nocapture").unwrap();
    assert_eq!(flags.ignored, ["--frobnicate"]);
    assert!(flags.filters.is_empty());
    for line in [
        "--trials 0",
        "--trials x",
        "--baseline",
        "--baseline ../x",
        "--baseline .x",
        "--noise-threshold 2",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

/// A filter is a part of a name, with `--exact` the whole; no filter selects all, `--ignored` nothing.
#[test]
fn filters_select_by_part_or_by_whole() {
    for (line, name, selected) in [
        ("", "burst", true),
        ("urs", "burst", true),
        ("urs --exact", "burst", false),
        ("burst --exact", "burst", true),
        ("steady burst", "burst", true),
        ("steady", "burst", false),
        ("--ignored", "burst", false),
    ] {
        assert_eq!(parse(line).unwrap().selects(name), selected, "{line} {name}");
    }
}
