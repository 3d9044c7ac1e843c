//! Sending and receiving.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_model::{Delivery, Receipt};
use tokio::time::Instant;

use super::sending::{Draft, Ready};
use crate::batch::{Batch, Results};
use crate::digest;
use crate::envelope::{Attribute, Envelope, now};
use crate::fault::{Fault, Kind};
use crate::input::{Whole, within};
use crate::registry::{ACCOUNT, Entry};
use crate::service::{Call, Texts};

/// Messages of a queue that may be in flight at once (developer guide, "Standard queue quotas").
const IN_FLIGHT: u64 = 120_000;

#[derive(Debug, Deserialize)]
pub(crate) struct SendOne {
    #[serde(rename = "QueueUrl")]
    queue_url: Option<String>,
    #[serde(flatten)]
    draft: Draft,
}

/// What a sender is told of a stored message.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    #[serde(rename = "MessageId")]
    id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_digest: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_digest: Option<String>,
}

pub(crate) async fn send_one(call: Call<'_>, input: SendOne) -> Result<Sent, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    let ready = input.draft.check(largest(call, &entry))?;
    let mut sent = store(call, &entry, vec![ready]).await?;
    sent.pop()
        .ok_or_else(|| Fault::new(Kind::Internal, "nothing was stored"))
}

pub(crate) async fn send_batch(call: Call<'_>, input: Batch<Draft>) -> Result<Results<Sent>, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    let limit = largest(call, &entry);
    let (mut ids, mut ready, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for (id, draft) in input.entries()? {
        match draft.check(limit) {
            Ok(draft) => {
                ids.push(id);
                ready.push(draft);
            }
            Err(fault) => results.push((id, Err(fault))),
        }
    }
    let total: usize = ready.iter().map(|one| one.bytes).sum();
    if total > call.service.config.message_bytes {
        let message = format!(
            "Batch requests cannot be longer than {} bytes. You have sent {total} bytes.",
            call.service.config.message_bytes
        );
        return Err(Fault::new(Kind::TooLong, message));
    }
    let sent = store(call, &entry, ready).await?;
    results.extend(ids.into_iter().zip(sent.into_iter().map(Ok)));
    Ok(results.into_iter().collect())
}

/// The longest message that a queue takes.
fn largest(call: Call<'_>, entry: &Entry) -> usize {
    let server = call.service.config.message_bytes;
    (entry.attributes.number("MaximumMessageSize", server) as usize).min(server)
}

/// Stores messages durably; those with the same delay in one commit.
async fn store(call: Call<'_>, entry: &Entry, ready: Vec<Ready>) -> Result<Vec<Sent>, Fault> {
    let service = call.service;
    let budget = service.config.stored_bytes;
    if service.store.bytes() + ready.iter().map(|one| one.stored.len()).sum::<usize>() > budget {
        let message =
            format!("This server keeps at most {budget} bytes of messages. Receive and delete some first.");
        return Err(Fault::new(Kind::Throttled, message));
    }
    let default = entry.attributes.number("DelaySeconds", 0);
    let mut by_delay: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut sent = Vec::with_capacity(ready.len());
    for one in ready {
        by_delay
            .entry(one.delay.unwrap_or(default))
            .or_default()
            .push(one.stored);
        sent.push(Sent {
            id: one.id,
            body_digest: one.body_digest,
            attributes_digest: one.attributes_digest,
        });
    }
    for (delay, stored) in by_delay {
        service
            .store
            .send_to(entry.id(), stored, Duration::from_secs(delay))
            .await?;
    }
    service.metrics.sent(sent.len());
    Ok(sent)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Receive {
    queue_url: Option<String>,
    max_number_of_messages: Option<Whole>,
    visibility_timeout: Option<Whole>,
    wait_time_seconds: Option<Whole>,
    /// The older name of the next.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Received {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Message {
    #[serde(rename = "MessageId")]
    id: String,
    #[serde(rename = "ReceiptHandle")]
    receipt: String,
    #[serde(rename = "MD5OfBody")]
    digest: String,
    #[serde(rename = "Body")]
    body: String,
    #[serde(rename = "Attributes", skip_serializing_if = "Texts::is_empty")]
    system: Texts,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_digest: Option<String>,
    #[serde(rename = "MessageAttributes", skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, Attribute>,
}

pub(crate) async fn receive(call: Call<'_>, input: Receive) -> Result<Received, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    let most = input.max_number_of_messages.map_or(1, |whole| whole.0);
    let most = within("MaxNumberOfMessages", most, 1..=10)? as usize;
    let wait = match input.wait_time_seconds {
        Some(whole) => within("WaitTimeSeconds", whole.0, 0..=20)?,
        None => entry.attributes.number("ReceiveMessageWaitTimeSeconds", 0),
    };
    let lease = input
        .visibility_timeout
        .map(|whole| within("VisibilityTimeout", whole.0, 0..=43_200));
    let lease = lease.transpose()?.map(Duration::from_secs);
    let store = &call.service.store;
    if store.census(entry.id())?.in_flight >= IN_FLIGHT {
        let message = format!("Too many messages in flight: the limit is {IN_FLIGHT}.");
        return Err(Fault::new(Kind::OverLimit, message));
    }
    let _poll = call.service.metrics.poll();
    let end = Instant::now() + Duration::from_secs(wait);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let deliveries = tokio::select! {
            biased;
            deliveries = store.receive_from(entry.id(), most, left, lease) => deliveries?,
            () = call.service.stop.cancelled() => Vec::new(),
        };
        let ended = deliveries.is_empty();
        let messages = fresh(call, &entry, deliveries, &input)?;
        // What was all too old was deleted; somebody who waits goes on waiting.
        if ended || !messages.is_empty() {
            call.service.metrics.received(messages.len());
            return Ok(Received { messages });
        }
    }
}

/// The messages that are younger than the queue keeps messages; the others are deleted.
fn fresh(
    call: Call<'_>,
    entry: &Entry,
    deliveries: Vec<Delivery>,
    input: &Receive,
) -> Result<Vec<Message>, Fault> {
    let oldest = now().saturating_sub(entry.attributes.number("MessageRetentionPeriod", 0) * 1000);
    let (mut messages, mut expired) = (Vec::with_capacity(deliveries.len()), Vec::new());
    for delivery in deliveries {
        match Envelope::open(&delivery.body) {
            Some((envelope, body)) if envelope.sent >= oldest => {
                messages.push(message(envelope, body, &delivery, input));
            }
            _ => expired.push(delivery.receipt),
        }
    }
    delete(call, entry, &expired)?;
    Ok(messages)
}

fn delete(call: Call<'_>, entry: &Entry, receipts: &[Receipt]) -> Result<(), Fault> {
    if !receipts.is_empty() {
        call.service.store.delete_from(entry.id(), receipts)?;
    }
    Ok(())
}

fn message(envelope: Envelope, body: &str, delivery: &Delivery, input: &Receive) -> Message {
    let known = [
        ("ApproximateReceiveCount", delivery.received.to_string()),
        ("SenderId", ACCOUNT.to_owned()),
        ("SentTimestamp", envelope.sent.to_string()),
    ];
    let asked = |name: &str| {
        let mut names = input
            .attribute_names
            .iter()
            .chain(&input.message_system_attribute_names);
        names.any(|asked| asked == "All" || asked == name)
    };
    let system = known.into_iter().filter(|(name, _)| asked(name));
    let wanted = |name: &str| {
        input
            .message_attribute_names
            .iter()
            .any(|pattern| matches(pattern, name))
    };
    let mut attributes = envelope.attributes;
    attributes.retain(|name, _| wanted(name));
    Message {
        id: envelope.id,
        receipt: delivery.receipt.0.clone(),
        digest: digest::of_text(body),
        body: body.to_owned(),
        system: system.map(|(name, value)| (name.to_owned(), value)).collect(),
        attributes_digest: digest::of_attributes(&attributes),
        attributes,
    }
}

/// Whether an attribute is asked for: `All`, `.*`, `prefix.*` or its name (API reference, `ReceiveMessage`).
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    }
}
