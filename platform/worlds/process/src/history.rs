//! Every version of every set record, for auditors. Durable (here in a file, or under keys of the metadata store), because certificates name the epoch of a record, and outlive
//! the process that saw it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tally_model::SetRecord;

/// Records kept; the oldest go first.
const RECORDS_MAX: usize = 16_384;

/// The records, oldest first.
#[derive(Debug)]
pub struct History(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    records: VecDeque<SetRecord>,
    file: Option<File>,
}

impl History {
    /// Goes on where the last control plane ended. What a kill left of its last line is ignored.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        let mut records = VecDeque::new();
        let mut whole = true;
        for line in BufReader::new(&file).split(b'\n') {
            let parsed = serde_json::from_slice(&line?);
            whole = parsed.is_ok();
            records.extend(parsed);
            if records.len() > RECORDS_MAX {
                records.pop_front();
            }
        }
        if !whole {
            file.write_all(b"\n")?;
        }
        let file = Some(file);
        Ok(Self(Mutex::new(Kept { records, file })))
    }

    /// Of records that somebody else keeps; this one only collects them.
    pub fn elsewhere() -> Self {
        Self(Mutex::new(Kept {
            records: VecDeque::new(),
            file: None,
        }))
    }

    /// Takes a record that is about to be stored. It is in the hands of the kernel before anybody can act on it, so
    /// whatever kills this process, no certificate is of an epoch that nobody knows. A watch would not do: it may skip.
    pub fn keep(&self, text: &str) {
        let Ok(record) = serde_json::from_str::<SetRecord>(text) else {
            return;
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = kept
            .file
            .as_mut()
            .map(|file| file.write_all(format!("{text}\n").as_bytes()));
        if let Some(Err(error)) = written {
            tracing::warn!(%error, "a set record is kept in memory only");
        }
        kept.records.push_back(record);
        if kept.records.len() > RECORDS_MAX {
            kept.records.pop_front();
        }
    }

    /// What is kept, oldest first.
    pub fn records(&self) -> Vec<SetRecord> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.records.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_model::{Epoch, Instant, Operation, SetId, SetState};

    fn record(epoch: u32) -> String {
        let id = SetId {
            operation: Operation::Add,
            number: 1,
        };
        let record = SetRecord {
            id,
            epoch: Epoch(epoch),
            founded: None,
            state: SetState::Ready,
            leader: 0,
            worker: None,
            replicas: Vec::new(),
            created: Instant::ZERO,
            ready: None,
        };
        serde_json::to_string(&record).unwrap()
    }

    fn epochs(history: &History) -> Vec<u32> {
        history.records().iter().map(|record| record.epoch.0).collect()
    }

    /// A process that is killed in the middle of a line costs that line and none before or after it.
    #[test]
    fn a_torn_line_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sets.jsonl");
        let history = History::open(&path).unwrap();
        history.keep(&record(1));
        history.keep(&record(2));
        assert_eq!(epochs(&history), [1, 2]);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 9).unwrap();
        let history = History::open(&path).unwrap();
        history.keep(&record(3));
        assert_eq!(epochs(&history), [1, 3]);
        assert_eq!(epochs(&History::open(&path).unwrap()), [1, 3]);
    }
}
