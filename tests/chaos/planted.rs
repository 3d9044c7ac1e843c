//! Defects planted in the record of a run that passed: each is found by `tally check`, with the exit code that it deserves.

use std::path::Path;

use tally_capture::{
    CertificateLine, Fate, FrameDecoder, FrameReader, FrameWriter, HistoryLine, Read, Sight, parse_line,
    split_lines,
};
use tally_model::Outcome;

use super::program::{Desk, turn};

const CERTIFIED: &str = r#"
version = 1
name = "certified"
title = "A record to be tampered with"
seed = 4
phases = { warmup = "100ms", measure = "1s", drain = "60s" }

[platform]
protocol = "pbft"
scaler = "fixed-1"

[[load]]
name = "trees"
pattern = "constant"
rate = "15/s"
expr = { kind = "tree", depth = 2 }
"#;

/// What is done to the record.
#[derive(Clone, Copy, Debug)]
enum Defect {
    Nothing,
    WrongAnswer,
    LostAnswer,
    TwoIds,
    ConflictingRead,
    VanishedRead,
    ForgedCertificate,
    MissingCertificate,
    TornHistory,
    NoKeys,
}

impl Defect {
    /// The exit code of `check`, and the finding that must not be 0.
    fn deserves(self) -> (i32, Option<&'static str>) {
        match self {
            Self::Nothing => (0, None),
            Self::WrongAnswer => (4, Some("wrong")),
            Self::LostAnswer => (4, Some("lost")),
            Self::TwoIds => (4, Some("duplicated")),
            Self::ConflictingRead => (4, Some("conflicting")),
            Self::ForgedCertificate | Self::MissingCertificate => (4, None),
            Self::VanishedRead => (1, Some("non_monotonic")),
            Self::TornHistory | Self::NoKeys => (3, None),
        }
    }

    fn plant(self, trial: &Path) {
        match self {
            Self::Nothing => {}
            Self::TornHistory => {
                let file = std::fs::OpenOptions::new()
                    .write(true)
                    .open(trial.join("history.jsonl.zst"))
                    .unwrap();
                file.set_len(file.metadata().unwrap().len() - 3).unwrap();
            }
            Self::NoKeys => std::fs::remove_file(trial.join("keys.json")).unwrap(),
            Self::ForgedCertificate | Self::MissingCertificate => {
                edit(
                    &trial.join("certificates.jsonl.zst"),
                    |lines: &mut Vec<CertificateLine>| {
                        let certificate = &mut lines[3].tasks[0].certificate;
                        let text = certificate.take().unwrap();
                        if matches!(self, Self::ForgedCertificate) {
                            // The last digits are of a signature.
                            let end = if text.ends_with('0') { "1" } else { "0" };
                            *certificate = Some(format!("{}{end}", &text[..text.len() - 1]));
                        }
                    },
                );
            }
            _ => edit(&trial.join("history.jsonl.zst"), |lines| self.plant_in(lines)),
        }
    }

    fn plant_in(self, lines: &mut Vec<HistoryLine>) {
        let mut answered = lines.iter_mut().filter_map(|line| match line {
            HistoryLine::Op(operation) if matches!(operation.outcome, Some(Outcome::Value(_))) => {
                Some(operation)
            }
            _ => None,
        });
        let (first, second) = (answered.next().unwrap(), answered.next().unwrap());
        let (n, at) = (first.n, first.done.unwrap() + 1_000_000);
        let read = |outcome| {
            HistoryLine::Read(Read {
                n,
                at,
                sight: Sight::Read,
                outcome,
                folded: first.folded,
            })
        };
        let other = Outcome::Value("4711/4712".into());
        let further = match self {
            Self::ConflictingRead => Some(read(Some(other.clone()))),
            Self::VanishedRead => Some(read(None)),
            _ => None,
        };
        match self {
            Self::WrongAnswer => first.outcome = Some(other),
            Self::LostAnswer => {
                (first.outcome, first.done, first.folded, first.fate) = (None, None, None, Fate::Info);
            }
            Self::TwoIds => first.id = second.id,
            _ => {}
        }
        lines.extend(further);
    }
}

/// Decodes a file of frames, changes its lines and writes it again.
fn edit<T: serde::Serialize + serde::de::DeserializeOwned>(path: &Path, change: impl FnOnce(&mut Vec<T>)) {
    let mut frames = FrameReader::open(path).unwrap();
    let mut decoder = FrameDecoder::new().unwrap();
    let mut lines = Vec::new();
    while let Some(frame) = frames.next_frame().unwrap() {
        let text = decoder.text(&frame, path).unwrap();
        lines.extend(split_lines(text).map(|line| parse_line::<T>(line, &frame, path).unwrap()));
    }
    change(&mut lines);
    std::fs::remove_file(path).unwrap();
    let mut writer = FrameWriter::create(path).unwrap();
    for line in &lines {
        writer.line(line).unwrap();
    }
    writer.finish().unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A record is believed only as far as it can be checked: untouched it is clean, with one defect it is not.
#[test]
fn a_planted_defect_is_found_and_named() {
    let _turn = turn();
    let desk = Desk::new();
    let file = desk.write("certified.toml", CERTIFIED);
    desk.tally(&["run", &file]).expect_of_run(0);
    let run = desk.directories("runs/certified").pop().unwrap();
    for defect in [
        Defect::Nothing,
        Defect::WrongAnswer,
        Defect::LostAnswer,
        Defect::TwoIds,
        Defect::ConflictingRead,
        Defect::VanishedRead,
        Defect::ForgedCertificate,
        Defect::MissingCertificate,
        Defect::TornHistory,
        Defect::NoKeys,
    ] {
        let copied = desk.path(&format!("{defect:?}"));
        copy(&run, &copied);
        defect.plant(&copied.join("trials/0001"));
        let (code, finding) = defect.deserves();
        let done = desk.tally(&["check", "--json", "--audit-all", &copied.display().to_string()]);
        assert_eq!(done.code, code, "{defect:?}\n{}{}", done.out, done.err);
        let trial = &done.json()["runs"][0]["trials"][0];
        if let Some(finding) = finding {
            assert!(
                trial[finding]["count"].as_u64().unwrap() > 0,
                "{defect:?} is not named in {trial:#}"
            );
        }
        if matches!(defect, Defect::ForgedCertificate | Defect::MissingCertificate) {
            assert!(
                !trial["audit"]["flaws"].as_object().unwrap().is_empty(),
                "{trial:#}"
            );
        }
    }
}

/// A record without a trial shows nothing, so it is no pass.
#[test]
fn an_empty_record_is_no_pass() {
    let _turn = turn();
    let desk = Desk::new();
    let file = desk.write("certified.toml", CERTIFIED);
    desk.tally(&["run", &file]).expect_of_run(0);
    let run = desk.directories("runs/certified").pop().unwrap();
    std::fs::remove_dir_all(run.join("trials")).unwrap();
    std::fs::create_dir(run.join("trials")).unwrap();
    desk.tally(&["check"]).expect(2);
}
