//! Where observations go: one JSON line each, in a file of this process or on its standard output.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tally_model::Observation;

/// Appends observations to a file; clones share it. A full disk loses observations, never answers.
#[derive(Clone)]
pub struct ObservationLog {
    lines: Arc<Mutex<BufWriter<Box<dyn Write + Send>>>>,
}

impl std::fmt::Debug for ObservationLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObservationLog").finish_non_exhaustive()
    }
}

impl ObservationLog {
    /// On standard output, which in a pod is the log that the cluster keeps.
    pub fn standard_output() -> Self {
        Self::to(Box::new(std::io::stdout()))
    }

    fn to(lines: Box<dyn Write + Send>) -> Self {
        Self {
            lines: Arc::new(Mutex::new(BufWriter::new(lines))),
        }
    }

    /// Opens (or continues) the file.
    ///
    /// # Errors
    /// The operating system's, with no further text: the caller knows the path.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self::to(Box::new(file)))
    }

    /// Writes one line and hands it to the operating system, so that it survives this process.
    pub fn record(&self, observation: &Observation) {
        let Ok(mut line) = serde_json::to_vec(observation) else {
            return;
        };
        line.push(b'\n');
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = lines.write_all(&line).and_then(|()| lines.flush()) {
            tracing::warn!(%error, "an observation was not written");
        }
    }
}
