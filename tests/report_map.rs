//! `docs/report-map.md` tells the truth: every row of the report is there once, and every place, test and run exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The page, its rows, and what is in backticks in them.
struct Map {
    text: String,
}

/// One row of a table: its cells, without blanks around them.
type Row<'a> = Vec<&'a str>;

/// Mechanisms of the report.
const MECHANISMS: std::ops::RangeInclusive<u32> = 1..=95;
/// Contradictions of the report.
const CONTRADICTIONS: std::ops::RangeInclusive<u32> = 1..=28;
/// Parts that may still owe something; part 1 may not.
const LATER: [&str; 5] = ["part 2", "part 3", "part 4", "part 5", "part 6"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Map {
    fn read() -> Self {
        let path = root().join("docs/report-map.md");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { text }
    }

    /// Rows whose first cell is `letter` and a number.
    fn rows(&self, letter: char) -> impl Iterator<Item = (u32, Row<'_>)> {
        self.text.lines().filter_map(move |line| {
            let inside = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
            let cells: Row<'_> = inside.split('|').map(str::trim).collect();
            let number = cells.first()?.strip_prefix(letter)?.parse().ok()?;
            Some((number, cells))
        })
    }

    fn numbers(&self, letter: char) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for (number, _) in self.rows(letter) {
            *counts.entry(number).or_default() += 1;
        }
        counts
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether something in backticks is meant as a place in this repository.
fn is_place(quote: &str) -> bool {
    let rooms = [
        "platform/",
        "harness/",
        "workloads/",
        "reports/",
        "tests/",
        "docs/",
        "deploy/",
        "fuzz/",
        ".ci/",
    ];
    rooms.iter().any(|room| quote.starts_with(room))
}

/// What is wrong with a quote; none if it is no reference or a true one.
fn flaw(quote: &str) -> Option<String> {
    if let Some(files) = quote.strip_prefix("tally run ") {
        let missing = files
            .split(' ')
            .find(|file| is_place(file) && !root().join(file).is_file());
        return missing.map(|file| format!("`{quote}`: {file} does not exist"));
    }
    if !is_place(quote) {
        return None;
    }
    let Some((file, test)) = quote.split_once("::") else {
        return (!root().join(quote).exists()).then(|| format!("`{quote}` does not exist"));
    };
    let sources = sources(file);
    if sources.is_empty() {
        return Some(format!("`{quote}`: {file} does not exist"));
    }
    let found = sources.iter().any(|(path, text)| is_test(path, text, test));
    (!found).then(|| format!("`{quote}`: no test `{test}` in {file}"))
}

/// A source file, and those of the folder of its name if it has grown into one.
fn sources(file: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(file), root().join(file.trim_end_matches(".rs"))];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(
                std::fs::read_dir(&path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
    found
}

/// Whether `name` is a function in `text` that runs as a test: by its attribute, or as a promise of the conformance suite.
fn is_test(path: &str, text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_promise = path.contains("/conformance/");
    lines.iter().enumerate().any(|(index, line)| {
        let above = lines[..index]
            .iter()
            .rev()
            .take_while(|above| above.starts_with(['#', '/']))
            .collect::<Vec<_>>();
        let is_run = is_promise
            || above
                .iter()
                .any(|above| above.starts_with("#[") && above.contains("test"));
        is_run
            && ["(", "<"]
                .iter()
                .any(|end| line.contains(&format!("fn {name}{end}")))
    })
}

/// M1 to M95 and C1 to C28, each in one row.
#[test]
fn every_number_of_the_report_has_one_row() {
    let map = Map::read();
    let mut odd = Vec::new();
    for (letter, range) in [('M', MECHANISMS), ('C', CONTRADICTIONS)] {
        let counts = map.numbers(letter);
        let numbers = range
            .clone()
            .chain(counts.keys().copied().filter(|number| !range.contains(number)));
        let counted = numbers.map(|number| (number, counts.get(&number).copied().unwrap_or(0)));
        let strange = counted.filter(|(number, count)| *count != usize::from(range.contains(number)));
        odd.extend(strange.map(|(number, count)| format!("{letter}{number}: {count} rows")));
    }
    assert!(
        odd.is_empty(),
        "not one row each in docs/report-map.md: {}",
        odd.join(", ")
    );
}

/// Every path, test and run named on the page exists.
#[test]
fn every_place_named_exists() {
    let map = Map::read();
    let quotes: Vec<&str> = map.text.lines().flat_map(quoted).collect();
    assert!(
        quotes.iter().filter(|quote| is_place(quote)).count() > 150,
        "too few places are quoted to mean anything"
    );
    let flaws: Vec<String> = quotes.into_iter().filter_map(flaw).collect();
    assert!(
        flaws.is_empty(),
        "docs/report-map.md names what is not there:\n  {}",
        flaws.join("\n  ")
    );
}

/// A mechanism has a room and something that shows it, or the part that will bring it; a decision has a place.
#[test]
fn every_row_is_shown_or_owed() {
    let map = Map::read();
    let is_owed = |text: &str| LATER.iter().any(|part| text.contains(part));
    let mut open = Vec::new();
    for (number, cells) in map.rows('M') {
        let [_, mechanism, room, shown] = cells.as_slice() else {
            open.push(format!("M{number}: {} cells instead of 4", cells.len()));
            continue;
        };
        let has_room = quoted(room).any(is_place) || is_owed(room);
        let is_shown = quoted(shown).any(|quote| quote.starts_with("tally run ") || quote.contains("::"));
        if mechanism.is_empty() || !has_room || !(is_shown || is_owed(shown)) {
            open.push(format!(
                "M{number}: no room, or nothing that shows it, or no part that owes it"
            ));
        }
    }
    for (number, cells) in map.rows('C') {
        let is_settled =
            cells.len() == 4 && quoted(cells[3]).any(is_place) || cells.last().is_some_and(|c| is_owed(c));
        if !is_settled {
            open.push(format!("C{number}: four cells, the last with a place"));
        }
    }
    assert!(open.is_empty(), "rows without ground:\n  {}", open.join("\n  "));
}

/// The checks above can fail: what is not there is found, what is there is not accused.
#[test]
fn planted_flaws_are_found() {
    let here = "tests/report_map.rs";
    for false_reference in [
        "tests/nowhere.rs".to_owned(),
        format!("{here}::no_such_test"),
        format!("{here}::is_place"), // a function, but no test
        "tally run workloads/catalog/nothing.toml".to_owned(),
    ] {
        assert!(
            flaw(&false_reference).is_some(),
            "{false_reference} was not noticed"
        );
    }
    for true_reference in [
        here.to_owned(),
        format!("{here}::planted_flaws_are_found"),
        "tally run workloads/catalog/burst.toml".to_owned(),
        "collect".to_owned(),
    ] {
        assert_eq!(flaw(&true_reference), None);
    }
}
