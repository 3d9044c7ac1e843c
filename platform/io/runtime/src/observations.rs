//! Where observations go: one JSON line each, in a file of this process.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tally_model::Observation;

/// Appends observations to a file; clones share it. A full disk loses observations, never answers.
#[derive(Clone, Debug)]
pub struct ObservationLog {
    file: Arc<Mutex<BufWriter<File>>>,
}

impl ObservationLog {
    /// Opens (or continues) the file.
    ///
    /// # Errors
    /// The operating system's, with no further text: the caller knows the path.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file: Arc::new(Mutex::new(BufWriter::new(file))),
        })
    }

    /// Writes one line and hands it to the operating system, so that it survives this process.
    pub fn record(&self, observation: &Observation) {
        let Ok(mut line) = serde_json::to_vec(observation) else {
            return;
        };
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(&line).and_then(|()| file.flush()) {
            tracing::warn!(%error, "an observation was not written");
        }
    }
}
