//! Hand-made histories, each with at most one planted defect: exactly that must be found, and nothing in the clean ones.
//!
//! `histories/NAME.jsonl`: the first line says the claim and what must be found, the rest is a history with tasks in place. A
//! certificate is written as the name of a way to make one (see `support/platform.rs`).

#![allow(
    clippy::unwrap_used,
    reason = "support code of tests ends the test where it fails"
)]

#[path = "support/platform.rs"]
mod platform;
#[path = "support/trial.rs"]
mod trial;

use std::collections::BTreeMap;
use std::path::Path;

use platform::{Mint, certify, trial_keys};
use serde::Deserialize;
use tally_capture::HistoryLine;
use tally_check::{CheckReport, Options, Safety};
use trial::Laboratory;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    claim: String,
    safety: Safety,
    #[serde(default)]
    finds: BTreeMap<String, u64>,
    #[serde(default)]
    flaws: BTreeMap<String, u64>,
}

fn read(path: &Path) -> (Header, Vec<HistoryLine>) {
    let text = std::fs::read_to_string(path).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let lines = rest.lines().map(|line| {
        let mut line: HistoryLine =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if let HistoryLine::Op(operation) = &mut line {
            for task in &mut operation.tasks {
                let mint = task
                    .certificate
                    .take()
                    .map_or(Mint::None, |name| Mint::from_name(&name).unwrap());
                certify(task, mint);
            }
        }
        line
    });
    (serde_json::from_str(header).unwrap(), lines.collect())
}

fn found(report: &CheckReport) -> BTreeMap<String, u64> {
    let names = [
        "lost",
        "overdue",
        "duplicated",
        "wrong",
        "conflicting",
        "unexpected",
        "non_monotonic",
        "failed",
        "recovered",
    ];
    let counts = names
        .into_iter()
        .map(|name| (name.to_owned(), report.count(name).unwrap()));
    let unknown = [
        ("unknown".to_owned(), report.unknown),
        ("malformed".to_owned(), report.gaps.malformed.count),
    ];
    counts.chain(unknown).filter(|(_, count)| *count > 0).collect()
}

/// Every planted defect is found under its own name and under no other; clean histories stay clean.
#[test]
fn each_history_shows_exactly_its_defect() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 20, "only {} histories", files.len());
    let laboratory = Laboratory::new();
    for file in files {
        let (header, lines) = read(&file);
        let report = laboratory.check(&lines, &trial_keys(), &Options::default());
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let flaws: BTreeMap<_, _> = report
            .audit
            .flaws
            .iter()
            .map(|(name, f)| (name.clone(), f.count))
            .collect();
        assert_eq!(found(&report), header.finds, "{name}: {}", header.claim);
        assert_eq!(flaws, header.flaws, "{name}: {}", header.claim);
        assert_eq!(report.safety, header.safety, "{name}: {}", header.claim);
    }
}
