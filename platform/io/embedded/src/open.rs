//! Opening the file: locking it, checking it, loading the queues.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableTable, StorageError, WriteTransaction};
use tally_substrate::{Queues, Settings};

use crate::Error;
use crate::limits::CACHE;
use crate::tables::{COUNTERS, FORMAT, FORMAT_KEY, OPENINGS_KEY, Tables};

/// Name of the file in a data directory.
const FILE: &str = "tally.redb";

/// The file that a path means: itself, or `tally.redb` in it if it is a directory.
pub(crate) fn file_at(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(FILE)
    } else {
        path.to_owned()
    }
}

/// Opens or creates the file and loads its queues, every undeleted message visible.
pub(crate) fn open(file: &Path, settings: Settings) -> Result<(Database, Queues), Error> {
    let io = |error: std::io::Error| Error::Io {
        path: file.to_owned(),
        detail: error.to_string(),
    };
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory).map_err(io)?;
    // redb trusts its checksums, but a damaged file can still lead it to an assertion.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = create(file)?;
        let queues = load(&database, settings).map_err(|error| corrupt(file, &error))?;
        Ok((database, queues))
    }));
    let opened = opened.unwrap_or_else(|_| Err(corrupt(file, &"its pages contradict each other")))?;
    // The name of a new file must survive a crash as well as its contents.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io)?;
    Ok(opened)
}

fn create(file: &Path) -> Result<Database, Error> {
    Database::builder()
        .set_cache_size(CACHE)
        .create(file)
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => Error::InUse {
                path: file.to_owned(),
            },
            DatabaseError::Storage(StorageError::Io(error))
                if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                Error::Io {
                    path: file.to_owned(),
                    detail: error.to_string(),
                }
            }
            other => corrupt(file, &other),
        })
}

fn corrupt(file: &Path, detail: &dyn std::fmt::Display) -> Error {
    Error::Corrupt {
        path: file.to_owned(),
        detail: detail.to_string(),
    }
}

/// Counts the opening, durably, which also proves that the file can be written, and reads the messages.
pub(crate) fn load(database: &Database, settings: Settings) -> Result<Queues, redb::Error> {
    let transaction = database.begin_write()?;
    let queues = {
        let openings = count_opening(&transaction)?;
        let mut tables = Tables::open(&transaction)?;
        tables.counters.insert(FORMAT_KEY, FORMAT)?;
        tables.counters.insert(OPENINGS_KEY, openings)?;
        let mut queues = Queues::persisted(settings, openings);
        for (id, placement, body) in tables.load()? {
            queues.restore(id, placement, body);
        }
        queues
    };
    transaction.commit()?;
    Ok(queues)
}

/// The number of this opening. Refuses another layout before any other table is opened, because it may have other types.
fn count_opening(transaction: &WriteTransaction) -> Result<u64, redb::Error> {
    let counters = transaction.open_table(COUNTERS)?;
    let counter = |key| Ok::<_, redb::Error>(counters.get(key)?.map_or(0, |value| value.value()));
    let openings = counter(OPENINGS_KEY)? + 1;
    let format = counter(FORMAT_KEY)?;
    if format != FORMAT && openings > 1 {
        return Err(redb::Error::Corrupted(format!(
            "its layout is {format}, this program reads {FORMAT}"
        )));
    }
    Ok(openings)
}
