//! Every bad file in `fixtures/` gives exactly the problems stored beside it: code, place, message, label, help.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tally_model::Diagnostic;
use tally_plan::{CODES, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixtures() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

fn line_and_column(source: &str, byte: usize) -> String {
    let before = &source[..byte];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{}:{column}", before.matches('\n').count() + 1)
}

fn render(source: &str, problems: &[Diagnostic]) -> String {
    let mut out = String::new();
    for problem in problems {
        let place = problem.span.map_or("-".to_owned(), |span| {
            format!(
                "{} `{}`",
                line_and_column(source, span.start),
                source[span.start..span.end].escape_debug()
            )
        });
        writeln!(out, "{} {place}: {}", problem.code, problem.message).unwrap();
        writeln!(out, "    label: {}", problem.label.as_deref().unwrap_or("-")).unwrap();
        writeln!(out, "    help: {}", problem.help.as_deref().unwrap_or("-")).unwrap();
    }
    out
}

/// The stored problems are exactly the ones found; `TALLY_BLESS` stores them anew.
#[test]
fn bad_files_give_the_stored_problems() {
    for path in fixtures() {
        let source = std::fs::read_to_string(&path).unwrap();
        let problems = parse(&source).expect_err(&format!("{} is valid", path.display()));
        let rendered = render(&source, &problems);
        let expected = path.with_extension("txt");
        if std::env::var_os("TALLY_BLESS").is_some() {
            std::fs::write(&expected, &rendered).unwrap();
        }
        let stored = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(rendered, stored, "{}", path.display());
    }
}

/// Every problem of a file says what to do, and every code that can be told has a page.
#[test]
fn every_problem_has_a_remedy_and_a_page() {
    for path in fixtures() {
        let source = std::fs::read_to_string(&path).unwrap();
        for problem in parse(&source).unwrap_err() {
            assert!(problem.help.is_some(), "{}: {problem:?}", path.display());
            let page = tally_plan::code_help(&problem.code).is_some() || problem.code.starts_with("F041");
            assert!(page, "{}", problem.code);
        }
    }
}

/// Every code of this crate is reached by a fixture, apart from those that need no file.
#[test]
fn every_code_has_a_fixture() {
    let mut reached = BTreeSet::from(["F0102".to_owned(), "F0211".to_owned()]);
    for path in fixtures() {
        reached.extend(
            parse(&std::fs::read_to_string(&path).unwrap())
                .unwrap_err()
                .into_iter()
                .map(|d| d.code),
        );
    }
    let missing: Vec<&str> = CODES
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| !reached.contains(*code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A file above 1 MiB is refused without being read.
#[test]
fn large_files_are_refused() {
    let problems = parse(&"#".repeat((1 << 20) + 1)).unwrap_err();
    assert_eq!(problems[0].code, "F0102");
}
