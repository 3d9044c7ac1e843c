//! How full a queue is, as far as SQS knows.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;
use tally_model::{Depth, QueueName};

use crate::sqs::Inner;
use crate::{Error, setup};

/// Amazon counts over many servers: the two numbers are of no common moment, and they "become consistent at least 1 minute
/// after producers stop sending" (API reference, `GetQueueAttributes`). `tally serve queue` counts exactly.
pub(crate) async fn depth(sqs: &Inner, queue: QueueName) -> Result<Depth, Error> {
    let name = sqs.name(queue);
    let asked = sqs
        .client
        .get_queue_attributes()
        .queue_url(sqs.url(queue))
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .send()
        .await;
    let asked = asked.map_err(|error| Error::call("GetQueueAttributes", name, &error))?;
    let empty = HashMap::new();
    let attributes = asked.attributes().unwrap_or(&empty);
    let count = |attribute: QueueAttributeName| {
        let text = attributes.get(&attribute);
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| setup::unanswered("GetQueueAttributes", name, attribute.as_str()))
    };
    Ok(Depth {
        visible: count(QueueAttributeName::ApproximateNumberOfMessages)?,
        in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?,
    })
}
