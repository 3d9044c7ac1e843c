//! Writes histories through the real writer and checks what the real reader finds.

use std::cell::Cell;

use tally_capture::{Environment, HistoryLine, RunReader, RunStart, RunWriter, TrialKeys};
use tally_check::{CheckReport, Options, check_trial};

/// One run directory; every history is a trial of it, which saves making hundreds of runs.
pub(crate) struct Laboratory {
    root: tempfile::TempDir,
    run: RunWriter,
    trials: Cell<u32>,
}

impl Laboratory {
    /// An empty run in a directory of its own.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let start = RunStart {
            seed: 1,
            plan: "plan",
            target: "local",
            command: &[],
            experiment: b"",
        };
        let run = RunWriter::create(
            root.path(),
            "check",
            start,
            &(),
            &(),
            Environment::observe("test"),
        )
        .unwrap();
        Self {
            root,
            run,
            trials: Cell::new(0),
        }
    }

    /// Writes `lines` as a trial and checks it, on several threads and on one.
    pub(crate) fn check(&self, lines: &[HistoryLine], keys: &TrialKeys, options: &Options) -> CheckReport {
        self.trials.set(self.trials.get() + 1);
        let mut trial = self.run.trial(self.trials.get()).unwrap();
        trial.keys(keys).unwrap();
        for line in lines {
            match line.clone() {
                HistoryLine::Op(operation) => trial.operation(operation).unwrap(),
                HistoryLine::Read(read) => trial.read(read).unwrap(),
            }
        }
        trial.finish().unwrap();
        let run = RunReader::open(self.root.path(), &self.run.id()).unwrap();
        let trial = run.trials().unwrap().pop().unwrap();
        let report = check_trial(&trial, options).unwrap();
        let one = check_trial(
            &trial,
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
