//! Writes histories as a trial would, and checks them. Nothing is synced, because hundreds are written.

use std::cell::Cell;

use tally_capture::{CertificateLine, FrameWriter, HistoryLine, TrialKeys};
use tally_check::{CheckReport, Input, Options, check};

/// A directory for many histories.
pub(crate) struct Laboratory {
    root: tempfile::TempDir,
    histories: Cell<u32>,
}

impl Laboratory {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            histories: Cell::new(0),
        }
    }

    /// Writes `lines` and checks them, on several threads and on one.
    pub(crate) fn check(&self, lines: &[HistoryLine], keys: &TrialKeys, options: &Options) -> CheckReport {
        let number = self.histories.replace(self.histories.get() + 1);
        let history = self.root.path().join(format!("{number}.history"));
        let certificates = self.root.path().join(format!("{number}.certificates"));
        let mut history_file = FrameWriter::create(&history).unwrap();
        let mut certificates_file = FrameWriter::create(&certificates).unwrap();
        for (at, line) in lines.iter().enumerate() {
            let mut line = line.clone();
            if let HistoryLine::Op(op) = &mut line {
                let tasks = std::mem::take(&mut op.tasks);
                if !tasks.is_empty() {
                    certificates_file
                        .line(&CertificateLine {
                            n: op.n,
                            tasks,
                            ..CertificateLine::default()
                        })
                        .unwrap();
                }
            }
            history_file.line(&line).unwrap();
            if at % 3 == 2 {
                // Several frames, so that several threads get some.
                history_file.flush().unwrap();
                certificates_file.flush().unwrap();
            }
        }
        history_file.flush().unwrap();
        certificates_file.flush().unwrap();
        let certificates = Some(certificates);
        let input = Input {
            history,
            certificates,
            keys: Some(keys.clone()),
            events: Vec::new(),
        };
        let report = check(&input, options).unwrap();
        let one = check(
            &input,
            &Options {
                threads: 1,
                ..options.clone()
            },
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            serde_json::to_string(&one).unwrap()
        );
        report
    }
}
