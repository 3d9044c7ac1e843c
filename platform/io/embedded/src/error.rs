//! What can go wrong, with the place and the remedy.

use std::path::PathBuf;

use tally_ports::Failure;

/// Why the store cannot be opened or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process (or this one) has the file open.
    #[error(
        "{} is open in another process: stop that process, or choose another data directory",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged or was never a store.
    #[error("{} is not a readable store ({detail}): restore it from a copy, or move it away to start empty", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The operating system refused.
    #[error("{} cannot be opened ({detail}): check that it is writable and that the disk is not full", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        detail: String,
    },
    /// A write failed after the store was opened. What was not acknowledged may or may not be there after reopening;
    /// nothing is retried, because a second `fsync` succeeds without writing what the first one lost.
    #[error("the store is broken since a write failed ({detail}): check the disk, then restart the process")]
    Broken {
        /// What failed.
        detail: String,
    },
    /// A read failed.
    #[error("reading from the store failed ({detail}): check the disk, then restart the process")]
    Read {
        /// What failed.
        detail: String,
    },
    /// A key, value or body is larger than its limit.
    #[error("a {what} of {bytes} bytes is more than the {limit} that can be stored: send less")]
    TooLarge {
        /// `key`, `value` or `body`.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
}

impl Failure for Error {
    /// Never: the disk of a process that runs does not come back by itself.
    fn is_transient(&self) -> bool {
        false
    }
}

impl Error {
    /// A failed read.
    pub(crate) fn read(error: impl Into<redb::Error>) -> Self {
        Self::Read {
            detail: error.into().to_string(),
        }
    }
}
