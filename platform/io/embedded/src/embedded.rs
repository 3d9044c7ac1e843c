//! The store as its users hold it.

use std::path::Path;
use std::sync::Arc;

use redb::Database;
use tally_substrate::{Queues, Settings};

use crate::Error;
use crate::broker::Broker;
use crate::feed::Feeds;
use crate::health::Health;
use crate::open::{file_at, open};
use crate::writer::{Parts, Writer};

/// Durable queues and metadata in one file. Clones share it; dropping the last one (and the last watch) writes what is
/// left and closes the file.
#[derive(Clone, Debug)]
pub struct Embedded(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) writer: Writer,
}

impl Embedded {
    /// Opens a file, or `tally.redb` in a directory; creates it, and missing directories, if it does not exist. Blocks
    /// for as long as reading the undeleted messages takes, and after a crash for a check of the whole file while it is small.
    ///
    /// Every message that was not deleted is visible again, with the number of its receives.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Corrupt`] or [`Error::Io`].
    pub fn open(path: impl AsRef<Path>, settings: Settings) -> Result<Self, Error> {
        let file = file_at(path.as_ref());
        let (database, queues) = open(&file, settings)?;
        Self::start(database, queues).map_err(|error| Error::Io {
            path: file,
            detail: error.to_string(),
        })
    }

    pub(crate) fn start(database: Database, queues: Queues) -> std::io::Result<Self> {
        let parts = Parts {
            database: Arc::new(database),
            broker: Arc::new(Broker::new(queues)),
            feeds: Arc::new(Feeds::default()),
            health: Arc::new(Health::default()),
        };
        let writer = Writer::start(parts.clone())?;
        let opened = Self(Arc::new(Inner { parts, writer }));
        opened.flush_changes();
        Ok(opened)
    }

    /// Returns when a write has failed. From then on every call fails; nothing was acknowledged that is not durable. The
    /// only remedy is to end the process and open the file again.
    pub async fn broken(&self) -> Error {
        self.0.parts.health.broken().await
    }

    /// Whether a write has failed; see [`Embedded::broken`].
    pub fn is_broken(&self) -> bool {
        self.check().is_err()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.0.parts.health.check()
    }

    /// Has deletes and receive counts written with the next commit, or soon.
    pub(crate) fn flush_changes(&self) {
        if self.0.parts.broker.has_changes() {
            self.0.writer.flush_soon();
        }
    }
}
