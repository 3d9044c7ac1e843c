//! Sending: batches under both size limits, several abreast, until every message is stored.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::future::try_join_all;
use tally_model::QueueName;

use crate::Error;
use crate::batch::{ABREAST, Failed, cut, entries, failures, persist};
use crate::sqs::Inner;

const CALL: &str = "SendMessageBatch";

/// Stores all messages. After an error some may be stored; sent again they are there twice, which queues allow.
pub(crate) async fn send(sqs: &Inner, queue: QueueName, bodies: Vec<String>) -> Result<(), Error> {
    let sizes: Vec<usize> = bodies.iter().map(String::len).collect();
    let limit = sqs.config.message_bytes;
    if let Some(&bytes) = sizes.iter().find(|&&bytes| bytes > limit) {
        return Err(Error::TooLarge {
            queue: sqs.name(queue).to_owned(),
            bytes,
            limit,
        });
    }
    for ranges in cut(&sizes, sqs.config.batch_bytes).chunks(ABREAST) {
        let batches = ranges
            .iter()
            .map(|range| send_batch(sqs, queue, &bodies[range.clone()]));
        try_join_all(batches).await?;
    }
    Ok(())
}

async fn send_batch(sqs: &Inner, queue: QueueName, bodies: &[String]) -> Result<(), Error> {
    let name = sqs.name(queue);
    let refused = persist(CALL, name, bodies.len(), |left| attempt(sqs, queue, bodies, left)).await?;
    if refused.is_empty() {
        Ok(())
    } else {
        Err(entries(CALL, name, &refused, false))
    }
}

async fn attempt(
    sqs: &Inner,
    queue: QueueName,
    bodies: &[String],
    left: Vec<usize>,
) -> Result<Vec<Failed>, Error> {
    let mut call = sqs.client.send_message_batch().queue_url(sqs.url(queue));
    for &index in &left {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(&bodies[index]);
        let entry = entry.build().map_err(|error| Error::Config(error.to_string()))?;
        call = call.entries(entry);
    }
    let answer = call.send().await;
    let answer = answer.map_err(|error| Error::call(CALL, sqs.name(queue), &error))?;
    let succeeded = answer.successful().iter().map(|entry| entry.id());
    Ok(failures(&left, succeeded, answer.failed()))
}
