//! A run directory as it is read again: finished, running, or left by a crash.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_model::Observation;

use crate::durable::{refuse_link, write_bytes, write_json};
use crate::environment::Environment;
use crate::error::{CaptureError, Result};
use crate::frame::Tail;
use crate::history::HistoryReader;
use crate::hpa::HpaLine;
use crate::lines::read_lines;
use crate::name::{check_name, is_stamp};
use crate::record::{FaultRecord, SCHEMA_VERSION, Sample, TrialKeys};
use crate::run::{Document, RunRecord, RunStatus, process_start};
use crate::seal::seal;

/// Reads one run directory.
#[derive(Clone, Debug)]
pub struct RunReader {
    directory: PathBuf,
    record: RunRecord,
}

impl RunReader {
    /// Opens `wanted`: `latest`, `NAME` or `NAME/latest`, `NAME/STAMP`, a stamp alone, or the path of a run directory.
    ///
    /// # Errors
    /// If there is no such run, its directory is a symbolic link other than `latest`, or it was written by a newer program.
    pub fn open(root: &Path, wanted: &str) -> Result<Self> {
        let missing = || CaptureError::Missing {
            wanted: wanted.into(),
            root: root.into(),
        };
        let directory = resolve(root, wanted)?.ok_or_else(missing)?;
        refuse_link(&directory)?;
        let path = directory.join("run.json");
        if !path.exists() {
            return Err(missing());
        }
        let mut record: RunRecord = read_json(&path)?;
        if record.schema_version > SCHEMA_VERSION {
            return Err(CaptureError::Schema {
                path,
                found: record.schema_version,
                known: SCHEMA_VERSION,
            });
        }
        let (id, start) = record.writer;
        if record.status == RunStatus::Running && (start.is_none() || process_start(id) != start) {
            record.status = RunStatus::Crashed;
        }
        Ok(Self { directory, record })
    }

    /// The run directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `run.json`; a run whose writer is gone without a word is `crashed`.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// `NAME/STAMP`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.record.name, self.record.stamp)
    }

    /// The experiment file, byte for byte.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn experiment(&self) -> Result<Vec<u8>> {
        let path = self.directory.join("experiment.toml");
        std::fs::read(&path).map_err(CaptureError::io("read", &path))
    }

    /// `resolved.json`.
    ///
    /// # Errors
    /// If it cannot be read as a `T`.
    pub fn resolved<T: DeserializeOwned>(&self) -> Result<T> {
        read_json(&self.directory.join("resolved.json"))
    }

    /// `plan.json`.
    ///
    /// # Errors
    /// If it cannot be read as a `T`.
    pub fn plan<T: DeserializeOwned>(&self) -> Result<T> {
        read_json(&self.directory.join("plan.json"))
    }

    /// `env.json`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn environment(&self) -> Result<Environment> {
        read_json(&self.directory.join("env.json"))
    }

    /// A JSON document of phase 2.
    ///
    /// # Errors
    /// If it is not there or not a `T`.
    pub fn document<T: DeserializeOwned>(&self, document: Document) -> Result<T> {
        read_json(&self.directory.join(document.file_name()))
    }

    /// Writes a document of phase 2 anew and renews the checksums: for analysis after the fact.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_json<T: Serialize + ?Sized>(&self, document: Document, value: &T) -> Result<()> {
        write_json(&self.directory, document.file_name(), value)?;
        seal(&self.directory)
    }

    /// The same for text.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_text(&self, document: Document, text: &str) -> Result<()> {
        write_bytes(&self.directory, document.file_name(), text.as_bytes())?;
        seal(&self.directory)
    }

    /// Its trials, in order.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn trials(&self) -> Result<Vec<TrialReader>> {
        let parent = self.directory.join("trials");
        if !parent.exists() {
            return Ok(Vec::new());
        }
        let mut trials = Vec::new();
        for entry in std::fs::read_dir(&parent).map_err(CaptureError::io("list", &parent))? {
            let entry = entry.map_err(CaptureError::io("list", &parent))?;
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let (Some(number), true) = (number, entry.path().is_dir()) {
                trials.push(TrialReader {
                    directory: entry.path(),
                    number,
                });
            }
        }
        trials.sort_by_key(|trial: &TrialReader| trial.number);
        Ok(trials)
    }
}

/// Reads one trial.
#[derive(Clone, Debug)]
pub struct TrialReader {
    directory: PathBuf,
    number: u32,
}

impl TrialReader {
    /// A trial outside a run directory, for tests and tools.
    pub fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            number: 1,
        }
    }

    /// Its number, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The trial's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the history is.
    pub fn history_path(&self) -> PathBuf {
        self.directory.join("history.jsonl.zst")
    }

    /// Where the certificates are.
    pub fn certificates_path(&self) -> PathBuf {
        self.directory.join("certificates.jsonl.zst")
    }

    /// The history, line by line.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn history(&self) -> Result<HistoryReader> {
        HistoryReader::open(&self.history_path())
    }

    /// The platform's observations.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn events(&self) -> Result<(Vec<Observation>, Tail)> {
        read_lines(&self.directory.join("events.jsonl"))
    }

    /// The platform's state over time; nothing if the trial has no such file.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn series(&self) -> Result<(Vec<Sample>, Tail)> {
        self.lines_if_there("series.jsonl")
    }

    /// The ledgers of the faults.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn faults(&self) -> Result<(Vec<FaultRecord>, Tail)> {
        read_lines(&self.directory.join("faults.jsonl"))
    }

    /// What live autoscalers were shown and decided; nothing if the trial had none.
    ///
    /// # Errors
    /// If the record is there and cannot be read.
    pub fn autoscalers(&self) -> Result<(Vec<HpaLine>, Tail)> {
        self.lines_if_there("hpa.jsonl")
    }

    fn lines_if_there<T: DeserializeOwned>(&self, name: &str) -> Result<(Vec<T>, Tail)> {
        let path = self.directory.join(name);
        if path.exists() {
            read_lines(&path)
        } else {
            Ok((Vec::new(), Tail::Clean))
        }
    }

    /// `simulation.json` of a trial in virtual time.
    ///
    /// # Errors
    /// If it is not there or not a `T`.
    pub fn simulation<T: DeserializeOwned>(&self) -> Result<T> {
        read_json(&self.directory.join("simulation.json"))
    }

    /// `keys.json`; none if the trial has none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn keys(&self) -> Result<Option<TrialKeys>> {
        let path = self.directory.join("keys.json");
        if path.exists() {
            read_json(&path).map(Some)
        } else {
            Ok(None)
        }
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = std::fs::File::open(path).map_err(CaptureError::io("open", path))?;
    serde_json::from_reader(std::io::BufReader::new(file)).map_err(CaptureError::json(path))
}

/// The directory that `wanted` names, if it can be one.
pub(crate) fn resolve(root: &Path, wanted: &str) -> Result<Option<PathBuf>> {
    if wanted == "latest" {
        return follow_latest(root);
    }
    if is_stamp(wanted) {
        return find_stamp(root, wanted);
    }
    if check_name(wanted).is_ok() && root.join(wanted).is_dir() {
        return follow_latest(&root.join(wanted));
    }
    match wanted.split_once('/') {
        Some((name, "latest")) if check_name(name).is_ok() => follow_latest(&root.join(name)),
        Some((name, stamp)) if check_name(name).is_ok() && is_stamp(stamp) && root.join(wanted).is_dir() => {
            Ok(Some(root.join(wanted)))
        }
        _ => {
            let path = Path::new(wanted.trim_end_matches('/'));
            match (path.file_name(), path.parent()) {
                (Some(last), Some(parent)) if last == "latest" => follow_latest(parent),
                _ => Ok(path.is_dir().then(|| path.to_owned())),
            }
        }
    }
}

/// Where `dir/latest` points, if it is one of our links: relative and downwards.
fn follow_latest(dir: &Path) -> Result<Option<PathBuf>> {
    let link = dir.join("latest");
    match std::fs::read_link(&link) {
        Ok(target)
            if target
                .components()
                .all(|part| matches!(part, Component::Normal(_))) =>
        {
            Ok(Some(dir.join(target)))
        }
        Ok(_) => Err(CaptureError::Link { path: link }),
        Err(_) => Ok(None),
    }
}

fn find_stamp(root: &Path, stamp: &str) -> Result<Option<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Ok(None);
    };
    for entry in entries {
        let entry = entry.map_err(CaptureError::io("list", root))?;
        let kind = entry
            .file_type()
            .map_err(CaptureError::io("examine", &entry.path()))?;
        let candidate = entry.path().join(stamp);
        if kind.is_dir() && candidate.is_dir() {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
