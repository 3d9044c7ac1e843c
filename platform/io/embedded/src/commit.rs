//! One transaction: everything that waits, decided and written together.

use std::time::Duration;

use redb::{Database, ReadableTable, ReadableTableMetadata, WriteTransaction};
use tally_model::{Precondition, Put};
use tally_substrate::{MessageId, Placement, QueueId, holds, may_delete};
use tokio::sync::oneshot;

use crate::broker::Admitted;
use crate::feed::Committed;
use crate::limits::CHECKED_ROWS;
use crate::tables::{REVISION_KEY, Tables};

/// Something to write, and whom to tell when it is durable. Dropped untold, it failed.
#[derive(Debug)]
pub(crate) enum Work {
    /// Compare and put.
    Put {
        key: String,
        value: String,
        when: Precondition,
        done: oneshot::Sender<Put>,
    },
    /// Put what is absent, and send a message if it was.
    PutAndSend {
        key: String,
        value: String,
        queue: QueueId,
        message: Option<(MessageId, String)>,
        done: oneshot::Sender<Put>,
    },
    /// Compare and delete.
    Delete {
        key: String,
        when: Precondition,
        done: oneshot::Sender<bool>,
    },
    /// New messages.
    Send {
        queue: QueueId,
        messages: Vec<(MessageId, String)>,
        /// Whether nobody waits for them, so that they may ride on another write.
        patient: bool,
        done: oneshot::Sender<()>,
    },
    /// Nothing but what changed in the queues.
    Flush,
}

impl Work {
    /// Whether it may wait for another write to ride on.
    pub(crate) const fn is_patient(&self) -> bool {
        matches!(self, Self::Flush | Self::Send { patient: true, .. })
    }
}

/// An answer that may be given once the transaction is durable.
enum Reply {
    Put(oneshot::Sender<Put>, Put),
    Delete(oneshot::Sender<bool>, bool),
    Send(oneshot::Sender<()>),
}

/// What follows from a transaction, to be done after it is durable.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Changes for watches.
    pub(crate) changes: Vec<Committed>,
    replies: Vec<Reply>,
    /// Messages that may be received once nothing but a failure of the store can keep them from being written.
    admitted: Vec<Admitted>,
    /// Whether messages were written.
    sent: bool,
}

impl Outcome {
    /// Tells everybody who waited. Somebody who no longer waits is no failure.
    pub(crate) fn reply(self) {
        for reply in self.replies {
            match reply {
                Reply::Put(done, put) => drop(done.send(put)),
                Reply::Delete(done, held) => drop(done.send(held)),
                Reply::Send(done) => drop(done.send(())),
            }
        }
    }
}

/// Writes a batch durably. Preconditions are judged here, by the only writer, so that writes are linearizable. What is sent if a
/// key was absent goes to `admit` once that is known, before it is durable.
pub(crate) fn commit(
    database: &Database,
    batch: impl IntoIterator<Item = Work>,
    moved: &[(MessageId, Option<Placement>)],
    admit: impl FnOnce(Vec<Admitted>),
) -> Result<Outcome, redb::Error> {
    let mut transaction: WriteTransaction = database.begin_write()?;
    let rows;
    let mut outcome = Outcome::default();
    {
        let mut tables = Tables::open(&transaction)?;
        let before = tables.counter(REVISION_KEY)?;
        let mut revision = before;
        for work in batch {
            apply(&mut tables, work, &mut revision, &mut outcome)?;
        }
        // After the messages of the batch, which may be among those that moved.
        for &(id, placement) in moved {
            place(&mut tables, id, placement)?;
        }
        if revision > before {
            tables.counters.insert(REVISION_KEY, revision)?;
        }
        rows = tables.messages.len()? + tables.metadata.len()?;
    }
    admit(std::mem::take(&mut outcome.admitted));
    if moved.is_empty() && !outcome.sent && outcome.changes.is_empty() {
        transaction.abort()?;
    } else {
        transaction.set_quick_repair(rows > CHECKED_ROWS);
        transaction.commit()?;
    }
    Ok(outcome)
}

/// Writes where a message is now.
fn place(tables: &mut Tables<'_>, id: MessageId, placement: Option<Placement>) -> Result<(), redb::Error> {
    if let Some(Placement { queue, received }) = placement {
        tables.placements.insert(id.0, (queue.0, received))?;
    } else {
        tables.messages.remove(id.0)?;
        tables.placements.remove(id.0)?;
    }
    Ok(())
}

fn apply(
    tables: &mut Tables<'_>,
    work: Work,
    revision: &mut u64,
    outcome: &mut Outcome,
) -> Result<(), redb::Error> {
    match work {
        Work::Flush => {}
        Work::Send {
            queue,
            messages,
            done,
            ..
        } => {
            for (id, body) in messages {
                tables.messages.insert(id.0, (queue.0, body.as_str()))?;
                outcome.sent = true;
            }
            outcome.replies.push(Reply::Send(done));
        }
        Work::Put {
            key,
            value,
            when,
            done,
        } => {
            let put = put(tables, key, value, when, revision, outcome)?;
            outcome.replies.push(Reply::Put(done, put));
        }
        Work::PutAndSend {
            key,
            value,
            queue,
            message,
            done,
        } => {
            let put = put(tables, key, value, Precondition::Absent, revision, outcome)?;
            if let (Put::Written(_), Some((id, body))) = (&put, message) {
                tables.messages.insert(id.0, (queue.0, body.as_str()))?;
                outcome.sent = true;
                outcome.admitted.push(Admitted {
                    queue,
                    id,
                    body,
                    delay: Duration::ZERO,
                });
            }
            outcome.replies.push(Reply::Put(done, put));
        }
        Work::Delete { key, when, done } => {
            let version = tables.metadata.get(key.as_str())?.map(|row| row.value().0);
            if may_delete(when, version) {
                *revision += 1;
                tables.metadata.remove(key.as_str())?;
                outcome.changes.push(Committed {
                    key,
                    revision: *revision,
                    value: None,
                });
            }
            outcome.replies.push(Reply::Delete(done, holds(when, version)));
        }
    }
    Ok(())
}

fn put(
    tables: &mut Tables<'_>,
    key: String,
    value: String,
    when: Precondition,
    revision: &mut u64,
    outcome: &mut Outcome,
) -> Result<Put, redb::Error> {
    if when != Precondition::Any {
        let current = tables.value(&key)?;
        if !holds(when, current.as_ref().map(|current| current.version)) {
            return Ok(Put::Refused(current));
        }
    }
    *revision += 1;
    tables
        .metadata
        .insert(key.as_str(), (*revision, value.as_str()))?;
    outcome.changes.push(Committed {
        key,
        revision: *revision,
        value: Some(value),
    });
    Ok(Put::Written(*revision))
}
