//! One trial while it is written. Everything goes to disk as it happens; memory holds one open frame per file.

use std::path::{Path, PathBuf};

use tally_model::Observation;

use crate::durable::{sync_directory, write_json};
use crate::error::Result;
use crate::frame::FrameWriter;
use crate::hpa::HpaLine;
use crate::lines::LineWriter;
use crate::record::{CertificateLine, FaultRecord, HistoryLine, Operation, Read, Sample, Stray, TrialKeys};

/// Writes the files of one trial.
#[derive(Debug)]
pub struct TrialWriter {
    directory: PathBuf,
    history: FrameWriter,
    certificates: FrameWriter,
    events: LineWriter<Observation>,
    series: LineWriter<Sample>,
    faults: LineWriter<FaultRecord>,
    operations: u64,
}

/// What a finished trial occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialSize {
    /// Operations written.
    pub operations: u64,
    /// Bytes of `history.jsonl.zst`.
    pub history: u64,
    /// Bytes of `certificates.jsonl.zst`.
    pub certificates: u64,
}

impl TrialWriter {
    /// Makes the files in `directory`, which exists and is empty.
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let at = |name: &str| directory.join(name);
        let writer = Self {
            directory: directory.to_owned(),
            history: FrameWriter::create(&at("history.jsonl.zst"))?,
            certificates: FrameWriter::create(&at("certificates.jsonl.zst"))?,
            events: LineWriter::create(&at("events.jsonl"))?,
            series: LineWriter::create(&at("series.jsonl"))?,
            faults: LineWriter::create(&at("faults.jsonl"))?,
            operations: 0,
        };
        sync_directory(directory)?;
        Ok(writer)
    }

    /// The trial's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes an operation that has ended; its tasks go to the certificates.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn operation(&mut self, mut operation: Operation) -> Result<()> {
        let tasks = std::mem::take(&mut operation.tasks);
        if !tasks.is_empty() {
            let line = CertificateLine {
                n: operation.n,
                intended: Some(operation.intended),
                expression: operation.expression,
                tasks,
            };
            self.certificates.line(&line)?;
            operation.expression = line.expression;
        }
        self.operations += 1;
        self.history.line(&HistoryLine::Op(operation))
    }

    /// Writes a later sight of an outcome.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn read(&mut self, read: Read) -> Result<()> {
        self.history.line(&HistoryLine::Read(read))
    }

    /// Writes an answer under an id that no request is known to have.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn stray(&mut self, stray: Stray) -> Result<()> {
        self.history.line(&HistoryLine::Stray(stray))
    }

    /// Writes an observation of the platform.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn event(&mut self, event: &Observation) -> Result<()> {
        self.events.line(event)
    }

    /// Writes a sample of the platform's state.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn sample(&mut self, sample: &Sample) -> Result<()> {
        self.series.line(sample)
    }

    /// Writes the ledger of a fault that is over.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn fault(&mut self, fault: &FaultRecord) -> Result<()> {
        self.faults.line(fault)
    }

    /// Closes frames that are a second old; call it about once a second.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn tick(&mut self) -> Result<()> {
        self.history.tick()?;
        self.certificates.tick()
    }

    /// Closes the open frames, so that whoever reads the trial now sees everything written so far.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn flush(&mut self) -> Result<()> {
        self.history.flush()?;
        self.certificates.flush()
    }

    /// Writes `keys.json`, durably, in place of an older one; call it at the start and whenever a set record is new, so that
    /// even after a crash the certificates can be checked.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keys(&self, keys: &TrialKeys) -> Result<()> {
        write_json(&self.directory, "keys.json", keys)
    }

    /// Writes `simulation.json`: what a simulated world says about itself.
    ///
    /// # Errors
    /// If it cannot be turned into JSON or written.
    pub fn simulation(&self, facts: &impl serde::Serialize) -> Result<()> {
        write_json(&self.directory, "simulation.json", facts)
    }

    /// Writes `hpa.jsonl`, durably: what live autoscalers were shown and decided.
    ///
    /// # Errors
    /// If it is there already or the disk refuses.
    pub fn autoscalers(&self, lines: &[HpaLine]) -> Result<()> {
        let mut file = LineWriter::create(&self.directory.join("hpa.jsonl"))?;
        for line in lines {
            file.line(line)?;
        }
        file.finish()
    }

    /// Makes the trial durable.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn finish(self) -> Result<TrialSize> {
        let history = self.history.finish()?;
        let certificates = self.certificates.finish()?;
        self.events.finish()?;
        self.series.finish()?;
        self.faults.finish()?;
        sync_directory(&self.directory)?;
        Ok(TrialSize {
            operations: self.operations,
            history,
            certificates,
        })
    }
}
