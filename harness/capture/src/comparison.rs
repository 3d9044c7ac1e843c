//! The directory of a comparison: runs of the same experiment on different arms, in the order in which they were played.
//!
//! ```text
//! runs/comparisons/burst/20260101T101500Z-4f2a/
//!   comparison.json             arms, order, verdict
//!   hpa/burst/STAMP/ ...        one run directory per trial, below the folder of its arm
//!   results.json summary.txt comparison.html
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable::{point_latest, refuse_link, write_bytes, write_json};
use crate::error::{CaptureError, Result};
use crate::name::check_name;
use crate::reader::{read_json, resolve};
use crate::record::SCHEMA_VERSION;
use crate::run::{RunStatus, fresh_directory, process_start, unix_nanos};

/// The folder of all comparisons below the root of runs; no run may have this name.
pub const COMPARISONS: &str = "comparisons";
/// What makes a directory a comparison.
const RECORD: &str = "comparison.json";

/// One arm: the experiment with some values changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmRecord {
    /// As it was asked for: `hpa`, `protocol=none`.
    pub label: String,
    /// Its folder in the comparison.
    pub folder: String,
    /// What was changed: `platform.scaler`, `hpa`.
    pub changes: Vec<(String, String)>,
}

/// One trial of one arm that was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayedTrial {
    /// Which arm, from 0.
    pub arm: usize,
    /// Which pair, from 1: trials of one pair had the same seed.
    pub pair: u32,
    /// The seed.
    pub seed: u64,
    /// The run directory, from the comparison's; none if it could not be made.
    pub run: Option<PathBuf>,
    /// How it ended.
    pub exit_code: u8,
}

/// `comparison.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparisonRecord {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The experiment's name.
    pub name: String,
    /// UTC second and four digits.
    pub stamp: String,
    /// Where it is in its life.
    pub status: RunStatus,
    /// The worst exit code of its trials, once they are all played.
    pub exit_code: Option<u8>,
    /// Where it ran.
    pub target: String,
    /// The command that made it.
    pub command: Vec<String>,
    /// Nanoseconds since the Unix epoch when it began.
    pub started: u64,
    /// The same when it ended.
    pub ended: Option<u64>,
    /// Trials of each arm that were wanted.
    pub pairs: u32,
    /// The arms; the first is what the others are compared with.
    pub arms: Vec<ArmRecord>,
    /// The trials in the order in which they were played.
    pub trials: Vec<PlayedTrial>,
    /// Process id of the writer, and its start time, as in `run.json`.
    pub writer: (u32, Option<u64>),
}

/// What a comparison is started with.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonStart<'a> {
    /// Name of the experiment.
    pub name: &'a str,
    /// Where it runs.
    pub target: &'a str,
    /// The command line, program first.
    pub command: &'a [String],
    /// The experiment file, byte for byte.
    pub experiment: &'a [u8],
    /// Trials of each arm.
    pub pairs: u32,
    /// The arms.
    pub arms: &'a [ArmRecord],
}

/// Writes one comparison.
#[derive(Debug)]
pub struct ComparisonWriter {
    directory: PathBuf,
    record: ComparisonRecord,
}

impl ComparisonWriter {
    /// Makes `root/comparisons/NAME/STAMP` and points `latest` beside it and in `root/comparisons` at it.
    ///
    /// # Errors
    /// If a name is unsafe, a directory on the way is a symbolic link, or the disk refuses.
    pub fn create(root: &Path, start: ComparisonStart<'_>) -> Result<Self> {
        for arm in start.arms {
            check_name(&arm.folder)?;
        }
        let (directory, stamp) = below(root, start.name)?;
        let record = ComparisonRecord {
            schema_version: SCHEMA_VERSION,
            name: start.name.to_owned(),
            stamp,
            status: RunStatus::Running,
            exit_code: None,
            target: start.target.to_owned(),
            command: start.command.to_vec(),
            started: unix_nanos(),
            ended: None,
            pairs: start.pairs,
            arms: start.arms.to_vec(),
            trials: Vec::new(),
            writer: (std::process::id(), process_start(std::process::id())),
        };
        let writer = Self { directory, record };
        write_json(&writer.directory, RECORD, &writer.record)?;
        write_bytes(&writer.directory, "experiment.toml", start.experiment)?;
        let all = root.join(COMPARISONS);
        point_latest(&all.join(start.name), Path::new(&writer.record.stamp))?;
        point_latest(&all, &Path::new(start.name).join(&writer.record.stamp))?;
        Ok(writer)
    }

    /// The comparison's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is recorded so far.
    pub const fn record(&self) -> &ComparisonRecord {
        &self.record
    }

    /// Where runs of an arm go: the root of its run directories.
    pub fn arm(&self, arm: usize) -> PathBuf {
        let folder = self.record.arms.get(arm).map_or("", |arm| arm.folder.as_str());
        self.directory.join(folder)
    }

    /// Adds a trial that was played; durable when this returns.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn played(&mut self, mut trial: PlayedTrial) -> Result<()> {
        let below = |run: PathBuf| {
            run.strip_prefix(&self.directory)
                .map(Path::to_owned)
                .unwrap_or(run)
        };
        trial.run = trial.run.map(below);
        self.record.trials.push(trial);
        write_json(&self.directory, RECORD, &self.record)
    }

    /// Says how it ended.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn finish(&mut self, status: RunStatus, exit_code: u8) -> Result<()> {
        self.record.status = status;
        self.record.exit_code = Some(exit_code);
        self.record.ended = Some(unix_nanos());
        write_json(&self.directory, RECORD, &self.record)
    }
}

/// A new directory `root/comparisons/NAME/STAMP`, and its stamp.
fn below(root: &Path, name: &str) -> Result<(PathBuf, String)> {
    check_name(name)?;
    let all = root.join(COMPARISONS);
    let parent = all.join(name);
    for place in [&all, &parent] {
        refuse_link(place)?;
        std::fs::create_dir_all(place).map_err(CaptureError::io("create", place))?;
    }
    fresh_directory(&parent)
}

/// A new directory for what is made of stored runs of the experiment `name`.
///
/// # Errors
/// As [`ComparisonWriter::create`].
pub fn comparison_directory(root: &Path, name: &str) -> Result<PathBuf> {
    below(root, name).map(|(directory, _)| directory)
}

/// Writes texts into a directory of ours, each wholly or not at all.
///
/// # Errors
/// If the disk refuses.
pub fn write_documents(directory: &Path, documents: &[(&str, String)]) -> Result<()> {
    for (name, text) in documents {
        write_bytes(directory, name, text.as_bytes())?;
    }
    Ok(())
}

/// Reads one comparison.
#[derive(Clone, Debug)]
pub struct ComparisonReader {
    directory: PathBuf,
    record: ComparisonRecord,
}

impl ComparisonReader {
    /// Opens `wanted`, named like a run: `latest`, `NAME`, `NAME/STAMP`, a stamp or a path. None if no comparison has that name.
    ///
    /// # Errors
    /// If its directory is a symbolic link, its record is damaged, or it was written by a newer program.
    pub fn open(root: &Path, wanted: &str) -> Result<Option<Self>> {
        let Some(directory) = resolve(&root.join(COMPARISONS), wanted)? else {
            return Ok(None);
        };
        let path = directory.join(RECORD);
        if !path.exists() {
            return Ok(None);
        }
        refuse_link(&directory)?;
        let mut record: ComparisonRecord = read_json(&path)?;
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
        Ok(Some(Self { directory, record }))
    }

    /// The comparison's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `comparison.json`; one whose writer is gone without a word is `crashed`.
    pub const fn record(&self) -> &ComparisonRecord {
        &self.record
    }

    /// The run directory of a trial, if it is one below this directory.
    pub fn run(&self, trial: &PlayedTrial) -> Option<PathBuf> {
        let run = trial.run.as_ref()?;
        let inside = run
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        inside.then(|| self.directory.join(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(arms: &[ArmRecord]) -> ComparisonStart<'_> {
        ComparisonStart {
            name: "burst",
            target: "local",
            command: &[],
            experiment: b"version = 1\n",
            pairs: 2,
            arms,
        }
    }

    fn arm(label: &str, folder: &str) -> ArmRecord {
        ArmRecord {
            label: label.to_owned(),
            folder: folder.to_owned(),
            changes: Vec::new(),
        }
    }

    /// What was written is read again by every name that a run would have, and runs are recorded below the comparison.
    #[test]
    fn a_comparison_is_found_by_every_name() {
        let root = tempfile::tempdir().unwrap();
        let arms = [arm("hpa", "hpa"), arm("protocol=none", "protocol-none")];
        let mut writer = ComparisonWriter::create(root.path(), start(&arms)).unwrap();
        let run = writer.arm(1).join("burst/20260101T101500Z-4f2a");
        let trial = PlayedTrial {
            arm: 1,
            pair: 1,
            seed: 42,
            run: Some(run.clone()),
            exit_code: 3,
        };
        writer.played(trial).unwrap();
        writer.finish(RunStatus::Complete, 3).unwrap();
        let path = writer.directory().display().to_string();
        let id = format!("burst/{}", writer.record().stamp);
        for wanted in [
            "latest",
            "burst",
            "burst/latest",
            &writer.record().stamp,
            &id,
            &path,
        ] {
            let reader = ComparisonReader::open(root.path(), wanted).unwrap();
            let reader = reader.unwrap_or_else(|| panic!("{wanted}"));
            assert_eq!(reader.record(), writer.record(), "{wanted}");
            assert_eq!(reader.run(&reader.record().trials[0]).as_ref(), Some(&run));
        }
        assert!(ComparisonReader::open(root.path(), "other").unwrap().is_none());
    }

    /// A record that names a run outside of its directory leads nowhere, and no run may take the comparisons' name.
    #[test]
    fn nothing_leads_out_of_the_directory() {
        let root = tempfile::tempdir().unwrap();
        assert!(ComparisonWriter::create(root.path(), start(&[arm("x", "../x")])).is_err());
        assert!(check_name(COMPARISONS).is_err());
        let writer = ComparisonWriter::create(root.path(), start(&[arm("x", "x")])).unwrap();
        let reader = ComparisonReader::open(root.path(), "latest").unwrap().unwrap();
        assert_eq!(reader.directory(), writer.directory());
        for run in ["../../x", "/etc"] {
            let trial = PlayedTrial {
                arm: 0,
                pair: 1,
                seed: 1,
                run: Some(run.into()),
                exit_code: 0,
            };
            assert_eq!(reader.run(&trial), None, "{run}");
        }
    }
}
