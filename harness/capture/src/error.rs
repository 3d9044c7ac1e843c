//! What can go wrong with a run directory, each with its place and a remedy.

use std::path::{Path, PathBuf};

/// A run directory that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "create", "write".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A name that would not be safe as a path.
    #[error(
        "`{name}` is not a run name: use 1 to 40 of a-z, 0-9 and `-`, beginning with a letter or digit, and not `latest` or `comparisons`"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// A directory of the run is a symbolic link, which could lead anywhere.
    #[error("{} is a symbolic link; remove it or choose another run directory", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// No run there.
    #[error("no run `{wanted}` under {}; `latest`, `NAME/latest`, `NAME/STAMP` and a path are understood", root.display())]
    Missing {
        /// What was asked for.
        wanted: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// A file that is not what its name says.
    #[error("{} is damaged at byte {offset}: {what}; restore it from a copy, its run cannot be judged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A document that cannot be turned into or made from JSON.
    #[error("{} is not the JSON it should be: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// Written by a newer program.
    #[error("{} has schema version {found}, this program reads up to {known}; use a newer tally", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
}

impl CaptureError {
    /// Names the action and the path of an operating system error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Names the path of a JSON error.
    pub(crate) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Json { path, source }
    }
}

/// Shorthand of this crate.
pub type Result<T, E = CaptureError> = std::result::Result<T, E>;
