//! Deleting and extending by receipt: batches of ten, several abreast; stale receipts are counted as far as SQS tells.

use std::time::Duration;

use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry};
use futures::future::try_join_all;
use tally_model::{QueueName, Receipt};

use crate::Error;
use crate::batch::{ABREAST, ENTRIES, Failed, entries, failures, persist};
use crate::error::short;
use crate::sqs::Inner;

/// Codes by which SQS says that a receipt is good for nothing any more. `InvalidParameterValue` is what it answers for one
/// whose message was deleted, and the only value in an entry that can be wrong is the receipt.
const STALE: &[&str] = &[
    "InvalidParameterValue",
    "MessageNotInflight",
    "ReceiptHandleIsInvalid",
];

/// What to do with received messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Delete them.
    Delete,
    /// Set their lease to this many seconds.
    Extend(i32),
}

impl Act {
    /// Leases are whole seconds; a shorter rest counts as one more, so that nobody gets less than asked for.
    pub(crate) fn extend(lease: Duration) -> Self {
        let seconds = lease.as_secs() + u64::from(lease.subsec_nanos() > 0);
        Self::Extend(seconds.min(12 * 3600) as i32)
    }

    fn call(self) -> &'static str {
        match self {
            Self::Delete => "DeleteMessageBatch",
            Self::Extend(_) => "ChangeMessageVisibilityBatch",
        }
    }
}

/// Does it to all of them; returns how many receipts SQS called stale.
pub(crate) async fn apply(
    sqs: &Inner,
    queue: QueueName,
    receipts: &[Receipt],
    act: Act,
) -> Result<usize, Error> {
    let mut stale = 0;
    for batches in receipts.chunks(ENTRIES * ABREAST) {
        let batches = batches
            .chunks(ENTRIES)
            .map(|batch| apply_batch(sqs, queue, batch, act));
        stale += try_join_all(batches).await?.into_iter().sum::<usize>();
    }
    Ok(stale)
}

async fn apply_batch(sqs: &Inner, queue: QueueName, receipts: &[Receipt], act: Act) -> Result<usize, Error> {
    let name = sqs.name(queue);
    let refused = persist(act.call(), name, receipts.len(), |left| async move {
        match act {
            Act::Delete => delete(sqs, queue, receipts, left).await,
            Act::Extend(seconds) => extend(sqs, queue, receipts, left, seconds).await,
        }
    })
    .await?;
    let (stale, wrong): (Vec<_>, Vec<_>) = refused
        .into_iter()
        .partition(|entry| STALE.contains(&short(&entry.code)));
    if wrong.is_empty() {
        Ok(stale.len())
    } else {
        Err(entries(act.call(), name, &wrong, false))
    }
}

async fn delete(
    sqs: &Inner,
    queue: QueueName,
    receipts: &[Receipt],
    left: Vec<usize>,
) -> Result<Vec<Failed>, Error> {
    let mut call = sqs.client.delete_message_batch().queue_url(sqs.url(queue));
    for &index in &left {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .receipt_handle(&receipts[index].0);
        call = call.entries(entry.build().map_err(|error| Error::Config(error.to_string()))?);
    }
    let answer = call.send().await;
    let answer = answer.map_err(|error| Error::call(Act::Delete.call(), sqs.name(queue), &error))?;
    let succeeded = answer.successful().iter().map(|entry| entry.id());
    Ok(failures(&left, succeeded, answer.failed()))
}

async fn extend(
    sqs: &Inner,
    queue: QueueName,
    receipts: &[Receipt],
    left: Vec<usize>,
    seconds: i32,
) -> Result<Vec<Failed>, Error> {
    let mut call = sqs
        .client
        .change_message_visibility_batch()
        .queue_url(sqs.url(queue));
    for &index in &left {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(index.to_string())
            .receipt_handle(&receipts[index].0)
            .visibility_timeout(seconds);
        call = call.entries(entry.build().map_err(|error| Error::Config(error.to_string()))?);
    }
    let answer = call.send().await;
    let answer = answer.map_err(|error| Error::call(Act::Extend(seconds).call(), sqs.name(queue), &error))?;
    let succeeded = answer.successful().iter().map(|entry| entry.id());
    Ok(failures(&left, succeeded, answer.failed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: a lease is never shorter than asked for, zero gives back, and the longest is what SQS takes.
    #[test]
    fn leases_round_up() {
        for (lease, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(30), 30),
            (Duration::from_millis(30_001), 31),
            (Duration::from_hours(100), 43_200),
        ] {
            assert!(
                matches!(Act::extend(lease), Act::Extend(seconds) if seconds == expected),
                "{lease:?}"
            );
        }
    }
}
