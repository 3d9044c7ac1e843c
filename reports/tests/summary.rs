//! The summary for terminals and for pull requests, against golden files.

#[path = "support/golden.rs"]
mod golden;
#[path = "support/synthetic.rs"]
mod synthetic;

use golden::golden;
use tally_reports::{clean, markdown, text};

/// What a person reads at the end of a run: wide, narrow, and with several trials.
#[test]
fn the_summary_reads_as_agreed() {
    golden("summary-100.txt", &text(&synthetic::run(120), 100, false)).unwrap();
    golden("summary-72.txt", &text(&synthetic::run(120), 72, false)).unwrap();
    let mut several = synthetic::run(60);
    several.trials = (1..=3).map(|number| synthetic::trial(number, 60)).collect();
    several.trials[1].generator.valid = false;
    several.trials[2].correctness = None;
    several.trials[2].faults[1].effective = None;
    golden("summary-trials.txt", &text(&several, 100, false)).unwrap();
    golden("summary.md", &markdown(&synthetic::run(120))).unwrap();
}

/// The verdict is the first word of the first line, and colours add nothing but colours.
#[test]
fn the_verdict_comes_first_and_colours_change_no_word() {
    let report = synthetic::run(60);
    let plain = text(&report, 80, false);
    assert!(plain.starts_with("FAIL  1 of 5 expectations failed, 1 could not be told"));
    let mut colored = text(&report, 80, true);
    assert!(colored.contains("\u{1b}[1;31mFAIL\u{1b}[0m"));
    for code in [
        "\u{1b}[0m",
        "\u{1b}[1m",
        "\u{1b}[31m",
        "\u{1b}[32m",
        "\u{1b}[33m",
        "\u{1b}[1;31m",
    ] {
        colored = colored.replace(code, "");
    }
    assert_eq!(colored, plain);
    assert_eq!(
        plain.lines().map(clean).collect::<Vec<_>>().join("\n") + "\n",
        plain
    );
}

/// No line of prose is wider than the terminal.
#[test]
fn prose_fits_the_terminal() {
    for width in [60, 80, 120] {
        let page = text(&synthetic::run(60), width, false);
        let table = |line: &&str| line.contains("  ") && line.trim_start().contains("  ");
        for line in page.lines().filter(|line| !table(line)) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}
