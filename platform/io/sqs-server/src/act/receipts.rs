//! Deleting received messages and changing their leases.

use std::time::Duration;

use serde::Deserialize;
use tally_embedded::QueueId;
use tally_model::Receipt;

use crate::batch::{Batch, Nothing, Results};
use crate::fault::{Fault, Kind};
use crate::input::{Whole, required, within};
use crate::service::Call;

/// An entry of `DeleteMessageBatch`; `DeleteMessage` has a queue beside it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Held {
    receipt_handle: Option<String>,
}

/// An entry of `ChangeMessageVisibilityBatch`; `ChangeMessageVisibility` has a queue beside it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Lease {
    receipt_handle: Option<String>,
    visibility_timeout: Option<Whole>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct One<E> {
    #[serde(rename = "QueueUrl")]
    queue_url: Option<String>,
    #[serde(flatten)]
    input: E,
}

pub(crate) fn delete_one(call: Call<'_>, input: One<Held>) -> Result<Nothing, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    delete(call, entry.id(), input.input)
}

pub(crate) fn delete_batch(call: Call<'_>, input: Batch<Held>) -> Result<Results<Nothing>, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    let entries = input.entries()?.into_iter();
    Ok(entries
        .map(|(id, held)| (id, delete(call, entry.id(), held)))
        .collect())
}

pub(crate) fn change_one(call: Call<'_>, input: One<Lease>) -> Result<Nothing, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    change(call, entry.id(), input.input)
}

pub(crate) fn change_batch(call: Call<'_>, input: Batch<Lease>) -> Result<Results<Nothing>, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    let entries = input.entries()?.into_iter();
    Ok(entries
        .map(|(id, lease)| (id, change(call, entry.id(), lease)))
        .collect())
}

/// Deletes by receipt. A stale one deletes nothing and is no failure, as at Amazon.
fn delete(call: Call<'_>, queue: QueueId, held: Held) -> Result<Nothing, Fault> {
    let receipt = receipt(held.receipt_handle)?;
    let stale = call.service.store.delete_from(queue, &[receipt])?;
    call.service.metrics.deleted(1 - stale);
    Ok(Nothing {})
}

fn change(call: Call<'_>, queue: QueueId, lease: Lease) -> Result<Nothing, Fault> {
    let receipt = receipt(lease.receipt_handle)?;
    let seconds = required("VisibilityTimeout", lease.visibility_timeout)?.0;
    let lease = Duration::from_secs(within("VisibilityTimeout", seconds, 0..=43_200)?);
    match call.service.store.extend_in(queue, &[receipt], lease)? {
        0 => Ok(Nothing {}),
        _ => Err(Fault::new(
            Kind::NotInflight,
            "The specified message is not in flight, or this is not its newest receipt handle.",
        )),
    }
}

/// A receipt that this server may have given out.
fn receipt(handle: Option<String>) -> Result<Receipt, Fault> {
    let handle = required("ReceiptHandle", handle)?;
    let hexadecimal = |part: &str| u64::from_str_radix(part, 16).is_ok();
    if handle.split('.').count() == 3 && handle.split('.').all(hexadecimal) {
        Ok(Receipt(handle))
    } else {
        let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
        Err(Fault::new(Kind::Receipt, message))
    }
}
