//! What stands in the file.
//!
//! A body is written once. Where its message is and how often it was received stands in a row of its own, written only
//! once the message was received, so that receiving 64 KiB does not write 64 KiB.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use tally_model::Versioned;
use tally_substrate::{MessageId, Placement, QueueId};

/// Message id -> queue it was sent to (see [`QueueId`]), body.
pub(crate) const MESSAGES: TableDefinition<u64, (u32, &str)> = TableDefinition::new("messages");
/// Message id -> queue it is in, receives there; overrides the queue in [`MESSAGES`].
pub(crate) const PLACEMENTS: TableDefinition<u64, (u32, u32)> = TableDefinition::new("placements");
/// Key -> version, value.
pub(crate) const METADATA: TableDefinition<&str, (u64, &str)> = TableDefinition::new("metadata");
/// The numbers named below.
pub(crate) const COUNTERS: TableDefinition<&str, u64> = TableDefinition::new("counters");

/// Layout of these tables; raised when an old file can no longer be read.
pub(crate) const FORMAT: u64 = 2;
/// Counter: the layout the file has.
pub(crate) const FORMAT_KEY: &str = "format";
/// Counter: how often the file was opened; makes receipts of earlier openings stale.
pub(crate) const OPENINGS_KEY: &str = "openings";
/// Counter: grows with every write and delete of metadata.
pub(crate) const REVISION_KEY: &str = "revision";

/// All tables of one write transaction.
pub(crate) struct Tables<'t> {
    pub(crate) messages: Table<'t, u64, (u32, &'static str)>,
    pub(crate) placements: Table<'t, u64, (u32, u32)>,
    pub(crate) metadata: Table<'t, &'static str, (u64, &'static str)>,
    pub(crate) counters: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    /// Opens the tables, creating those that do not exist.
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            messages: transaction.open_table(MESSAGES)?,
            placements: transaction.open_table(PLACEMENTS)?,
            metadata: transaction.open_table(METADATA)?,
            counters: transaction.open_table(COUNTERS)?,
        })
    }

    pub(crate) fn counter(&self, key: &str) -> Result<u64, redb::Error> {
        Ok(self.counters.get(key)?.map_or(0, |value| value.value()))
    }

    pub(crate) fn value(&self, key: &str) -> Result<Option<Versioned>, redb::Error> {
        Ok(self.metadata.get(key)?.map(|row| versioned(row.value())))
    }

    /// Every message with its body, in order.
    pub(crate) fn load(&self) -> Result<Vec<(MessageId, Placement, String)>, redb::Error> {
        let mut loaded = Vec::new();
        for row in self.messages.iter()? {
            let (id, message) = row?;
            let (sent_to, body) = message.value();
            let row = self
                .placements
                .get(id.value())?
                .map_or((sent_to, 0), |row| row.value());
            let placement = Placement {
                queue: QueueId(row.0),
                received: row.1,
            };
            loaded.push((MessageId(id.value()), placement, body.to_owned()));
        }
        Ok(loaded)
    }
}

/// A row of [`METADATA`].
pub(crate) fn versioned((version, value): (u64, &str)) -> Versioned {
    Versioned {
        value: value.to_owned(),
        version,
    }
}

/// The newest durable value.
pub(crate) fn get(transaction: &ReadTransaction, key: &str) -> Result<Option<Versioned>, redb::Error> {
    Ok(transaction
        .open_table(METADATA)?
        .get(key)?
        .map(|row| versioned(row.value())))
}

/// The first `limit` keys with a prefix, and the revision they are of.
pub(crate) fn list(
    transaction: &ReadTransaction,
    prefix: &str,
    limit: usize,
) -> Result<(u64, Vec<(String, Versioned)>), redb::Error> {
    let revision = transaction
        .open_table(COUNTERS)?
        .get(REVISION_KEY)?
        .map_or(0, |value| value.value());
    let mut listed = Vec::new();
    for row in transaction.open_table(METADATA)?.range(prefix..)? {
        let (key, value) = row?;
        if listed.len() >= limit || !key.value().starts_with(prefix) {
            break;
        }
        listed.push((key.value().to_owned(), versioned(value.value())));
    }
    Ok((revision, listed))
}
