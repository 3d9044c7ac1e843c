//! Stored runs as a comparison reads them.

use serde_json::Value;
use tally_capture::{Document, Environment, RunReader};

use crate::run_report::{RunReport, TrialReport};

/// The target of a run in virtual time.
const SIMULATED: &str = "sim";

/// One stored run with everything a comparison needs of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedRun {
    /// What it was asked for by, or its path: for people.
    pub id: String,
    /// Its seed.
    pub seed: u64,
    /// Fingerprint of its plan: runs of the same plan were asked the same questions at the same moments.
    pub plan: String,
    /// Where it ran: `local`, `kind`, `kube`, `sim`.
    pub target: String,
    /// `resolved.json`: the experiment with every setting.
    pub settings: Value,
    /// The machine and the program.
    pub environment: Environment,
    /// What it came to, with samples and observations.
    pub report: RunReport,
}

impl ComparedRun {
    /// Reads a run that has its results.
    ///
    /// # Errors
    /// If a file is missing (the run crashed, or was not judged) or damaged.
    pub fn read(id: &str, run: &RunReader) -> tally_capture::Result<Self> {
        let mut report: RunReport = run.document(Document::Results)?;
        report.attach(run)?;
        let record = run.record();
        Ok(Self {
            id: id.to_owned(),
            seed: record.seed,
            plan: record.plan.clone(),
            target: record.target.clone(),
            settings: run.resolved()?,
            environment: run.environment()?,
            report,
        })
    }

    /// The policy that drove it, as files write it.
    pub fn scaler(&self) -> String {
        scaler_name(&self.settings["platform"]["scaler"])
    }
}

/// `threshold`, `fixed-4`: a scaler in JSON as files write it. A policy with values is known by its name and those.
pub fn scaler_name(value: &Value) -> String {
    match value {
        Value::String(name) => name.clone(),
        Value::Object(fields) => match fields.iter().next() {
            Some((name, Value::Number(number))) => format!("{name}-{number}"),
            Some((name, _)) => name.clone(),
            None => "unknown".into(),
        },
        _ => "unknown".into(),
    }
}

/// One arm: runs that are trials of the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Contestant {
    /// Its name in the comparison.
    pub label: String,
    /// Its runs, at least one.
    pub runs: Vec<ComparedRun>,
}

/// A trial with what tells which other trials it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) run: &'a ComparedRun,
    pub(crate) trial: &'a TrialReport,
    /// Which of the trials of its plan it is, from 0.
    pub(crate) nth: usize,
}

impl Contestant {
    /// Whether it was played in virtual time.
    pub(crate) fn is_simulated(&self) -> bool {
        self.runs.iter().all(|run| run.target == SIMULATED)
    }

    /// Its trials, in the order of its runs.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for run in &self.runs {
            for trial in &run.report.trials {
                let nth = entries.iter().filter(|entry| entry.run.plan == run.plan).count();
                entries.push(Entry { run, trial, nth });
            }
        }
        entries
    }
}
