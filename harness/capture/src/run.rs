//! The run directory while it is written, in three durable phases.
//!
//! Phase 0, before the first request: `run.json` (running), the experiment verbatim, the resolved settings, the plan, the
//! environment. Phase 1, while trials run: `trials/NNNN/`. Phase 2: what was made of it, the final `run.json`, and checksums
//! of everything.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::durable::{point_latest, refuse_link, sync_directory, write_bytes, write_json};
use crate::environment::{Environment, load_average};
use crate::error::{CaptureError, Result};
use crate::name::{check_name, fresh_stamp};
use crate::record::SCHEMA_VERSION;
use crate::seal::seal;
use crate::trial::TrialWriter;

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Being written.
    Running,
    /// Has a verdict.
    Complete,
    /// Ended early by the user; what is there is whole.
    Interrupted,
    /// Its writer is gone without a word; what is there is a prefix.
    Crashed,
}

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The experiment's name.
    pub name: String,
    /// UTC second and four digits; with the name it identifies the run.
    pub stamp: String,
    /// Where it is in its life.
    pub status: RunStatus,
    /// `pass`, `fail`, `unsafe`, `inconclusive`, once known.
    pub verdict: Option<String>,
    /// The exit code of the run, once known.
    pub exit_code: Option<u8>,
    /// The seed of everything random.
    pub seed: u64,
    /// Fingerprint of the plan; runs with different plans are not compared.
    pub plan: String,
    /// `local`, `kind`, `kube`, `sim`.
    pub target: String,
    /// The command that made it.
    pub command: Vec<String>,
    /// Nanoseconds since the Unix epoch when it began.
    pub started: u64,
    /// The same when it ended.
    pub ended: Option<u64>,
    /// Process id of the writer, and its start time in clock ticks since boot, which tells it from a later process of that id.
    pub writer: (u32, Option<u64>),
}

/// What a run is started with.
#[derive(Clone, Copy, Debug)]
pub struct RunStart<'a> {
    /// The seed of everything random.
    pub seed: u64,
    /// Fingerprint of the plan.
    pub plan: &'a str,
    /// `local`, `kind`, `kube`, `sim`.
    pub target: &'a str,
    /// The command line, program first.
    pub command: &'a [String],
    /// The experiment file, byte for byte.
    pub experiment: &'a [u8],
}

/// A document of phase 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// `check.json`: what the checker found.
    Check,
    /// `results.json`: metrics and expectations.
    Results,
    /// `summary.txt`: what was printed.
    Summary,
    /// `report.html`: one self-contained page.
    Report,
    /// `repro.sh`: the command that does it again.
    Repro,
}

impl Document {
    /// The file's name.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Check => "check.json",
            Self::Results => "results.json",
            Self::Summary => "summary.txt",
            Self::Report => "report.html",
            Self::Repro => "repro.sh",
        }
    }
}

/// Writes one run directory.
#[derive(Debug)]
pub struct RunWriter {
    directory: PathBuf,
    record: RunRecord,
    environment: Environment,
}

impl RunWriter {
    /// Makes `root/NAME/STAMP`, points `root/NAME/latest` and `root/latest` at it, and writes phase 0.
    ///
    /// # Errors
    /// If the name is unsafe, a directory on the way is a symbolic link, or the disk refuses.
    pub fn create<R: Serialize + ?Sized, P: Serialize + ?Sized>(
        root: &Path,
        name: &str,
        start: RunStart<'_>,
        resolved: &R,
        plan: &P,
        environment: Environment,
    ) -> Result<Self> {
        check_name(name)?;
        let parent = root.join(name);
        std::fs::create_dir_all(root).map_err(CaptureError::io("create", root))?;
        refuse_link(&parent)?;
        std::fs::create_dir_all(parent.join("")).map_err(CaptureError::io("create", &parent))?;
        let (directory, stamp) = fresh_directory(&parent)?;
        let record = RunRecord {
            schema_version: SCHEMA_VERSION,
            name: name.into(),
            stamp,
            status: RunStatus::Running,
            verdict: None,
            exit_code: None,
            seed: start.seed,
            plan: start.plan.into(),
            target: start.target.into(),
            command: start.command.to_vec(),
            started: unix_nanos(),
            ended: None,
            writer: (std::process::id(), process_start(std::process::id())),
        };
        let writer = Self {
            directory,
            record,
            environment,
        };
        let dir = &writer.directory;
        write_json(dir, "run.json", &writer.record)?;
        write_bytes(dir, "experiment.toml", start.experiment)?;
        write_json(dir, "resolved.json", resolved)?;
        write_json(dir, "plan.json", plan)?;
        write_json(dir, "env.json", &writer.environment)?;
        write_bytes(
            dir,
            Document::Repro.file_name(),
            repro_script(&writer.record).as_bytes(),
        )?;
        point_latest(&parent, Path::new(&writer.record.stamp))?;
        point_latest(root, &Path::new(name).join(&writer.record.stamp))?;
        Ok(writer)
    }

    /// The run directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `NAME/STAMP`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.record.name, self.record.stamp)
    }

    /// Begins trial `number`, from 1.
    ///
    /// # Errors
    /// If that trial exists or the disk refuses.
    pub fn trial(&self, number: u32) -> Result<TrialWriter> {
        let directory = self.directory.join("trials").join(format!("{number:04}"));
        let parent = self.directory.join("trials");
        std::fs::create_dir_all(&parent).map_err(CaptureError::io("create", &parent))?;
        std::fs::create_dir(&directory).map_err(CaptureError::io("create", &directory))?;
        sync_directory(&parent)?;
        TrialWriter::create(&directory)
    }

    /// Writes a document of phase 2 as JSON.
    ///
    /// # Errors
    /// If it cannot be turned into JSON or written.
    pub fn write_json<T: Serialize + ?Sized>(&self, document: Document, value: &T) -> Result<()> {
        write_json(&self.directory, document.file_name(), value)
    }

    /// Writes a document of phase 2.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_text(&self, document: Document, text: &str) -> Result<()> {
        write_bytes(&self.directory, document.file_name(), text.as_bytes())
    }

    /// Writes the final `run.json` and the checksums; the run is then only read.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn finish(mut self, status: RunStatus, verdict: &str, exit_code: u8) -> Result<PathBuf> {
        self.environment.load_after = load_average();
        write_json(&self.directory, "env.json", &self.environment)?;
        self.record.status = status;
        self.record.verdict = Some(verdict.into());
        self.record.exit_code = Some(exit_code);
        self.record.ended = Some(unix_nanos());
        write_json(&self.directory, "run.json", &self.record)?;
        seal(&self.directory)?;
        Ok(self.directory)
    }
}

/// A new directory under `parent`; `create_dir` fails on anything that is there, links included.
pub(crate) fn fresh_directory(parent: &Path) -> Result<(PathBuf, String)> {
    let mut attempt = 0;
    loop {
        let stamp = fresh_stamp(SystemTime::now(), attempt);
        let directory = parent.join(&stamp);
        match std::fs::create_dir(&directory) {
            Ok(()) => {
                sync_directory(parent)?;
                return Ok((directory, stamp));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(CaptureError::io("create", &directory)(error)),
        }
    }
}

pub(crate) fn unix_nanos() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

/// When process `id` was started, in clock ticks since boot (field 22 of `/proc/ID/stat`, proc_pid_stat(5)).
pub(crate) fn process_start(id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

fn repro_script(record: &RunRecord) -> String {
    let command: Vec<_> = record.command.iter().map(|word| quote(word)).collect();
    format!(
        "#!/bin/sh\n# Run {}/{} again: seed {}, plan {}, target {}.\nexec {}\n",
        record.name,
        record.stamp,
        record.seed,
        record.plan,
        record.target,
        command.join(" ")
    )
}

/// One word for a POSIX shell: within single quotes only the single quote itself is special.
fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    /// A word never turns into two words or a command.
    #[test]
    fn shell_words_are_quoted() {
        for (word, expected) in [
            ("run", "run"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", "'it'\\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("--set=x=1", "--set=x=1"),
        ] {
            assert_eq!(quote(word), expected);
        }
    }
}
