//! The small file by which `status`, `calc`, `run --attach` and `down` find a platform that `up` started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is known of a running platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The gateway.
    pub http: SocketAddr,
    /// The supervisor's gRPC services.
    pub supervisor: SocketAddr,
    /// The supervisor's process.
    pub process: u32,
    /// Its files.
    pub data: PathBuf,
}

/// Where the state is kept: `$TALLY_STATE_DIR`, else `$XDG_STATE_HOME/tally`, else `~/.local/state/tally`.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file in the folder that the environment names.
    pub fn locate() -> Self {
        let var = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = var("TALLY_STATE_DIR")
            .or_else(|| var("XDG_STATE_HOME").map(|path| path.join("tally")))
            .or_else(|| var("HOME").map(|path| path.join(".local/state/tally")))
            .unwrap_or_else(|| std::env::temp_dir().join("tally"));
        Self {
            path: folder.join("platform.json"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a daemon's files go, beside the state.
    pub fn data_dir(&self) -> PathBuf {
        self.path.with_file_name("data")
    }

    /// The state, if there is one.
    ///
    /// # Errors
    /// A file that is there but cannot be read or understood.
    pub fn read(&self) -> std::io::Result<Option<State>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the state, replacing an old one at once.
    ///
    /// # Errors
    /// The operating system's.
    pub fn write(&self, state: &State) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let fresh = self.path.with_extension("json.new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(state)?)?;
        std::fs::rename(fresh, &self.path)
    }

    /// Removes the state; nothing to remove is success.
    ///
    /// # Errors
    /// The operating system's.
    pub fn remove(&self) -> std::io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
