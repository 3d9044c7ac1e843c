//! A report that is stored in a run directory and made again from it.

#[path = "support/synthetic.rs"]
mod synthetic;

use tally_capture::{CaptureError, Document, Environment, RunReader, RunStart, RunStatus, RunWriter};
use tally_reports::{RunReport, html, text};

/// Stores `report` as the caller does: raw files while the run goes on, `results.json` after.
fn store(root: &std::path::Path, report: &RunReport) -> Result<(), CaptureError> {
    let start = RunStart {
        seed: report.seed,
        plan: &report.plan,
        target: &report.target,
        command: &[],
        experiment: b"version = 1\n",
    };
    let run = RunWriter::create(
        root,
        &report.name,
        start,
        &"resolved",
        &[0],
        Environment::observe("debug"),
    )?;
    for trial in &report.trials {
        let mut writer = run.trial(trial.number)?;
        for sample in &trial.samples {
            writer.sample(sample)?;
        }
        for event in &trial.events {
            writer.event(event)?;
        }
        for fault in &trial.faults {
            writer.fault(fault)?;
        }
        writer.finish()?;
    }
    run.write_json(Document::Results, report)?;
    run.finish(RunStatus::Complete, &report.verdict, report.exit_code)?;
    Ok(())
}

/// `results.json` holds no copy of the raw files, and with them the same page and summary come out, byte for byte.
#[test]
fn a_stored_run_gives_the_same_report_again() {
    let root = tempfile::tempdir().unwrap();
    let mut report = synthetic::run(60);
    report.trials.push(synthetic::trial(2, 40));
    store(root.path(), &report).unwrap();
    let run = RunReader::open(root.path(), "latest").unwrap();
    let mut stored: RunReport = run.document(Document::Results).unwrap();
    assert!(
        stored
            .trials
            .iter()
            .all(|trial| trial.samples.is_empty() && trial.events.is_empty())
    );
    stored.attach(&run).unwrap();
    assert_eq!(stored, report);
    assert_eq!(html(&stored).unwrap(), html(&report).unwrap());
    assert_eq!(text(&stored, 80, true), text(&report, 80, true));
}
