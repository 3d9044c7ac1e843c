//! [`Sqs`] as a queue.

use std::time::Duration;

use aws_sdk_sqs::Config;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use tally_model::{Delivery, Depth, QueueName, Receipt};
use tally_ports::Queue;

use crate::batch::ENTRIES;
use crate::receipts::{Act, apply};
use crate::{Error, Sqs, connect, depth, sending};

/// The longest wait of one receive.
const LONG_POLL: Duration = Duration::from_secs(20);

impl Queue for Sqs {
    type Error = Error;

    async fn send(&self, queue: QueueName, bodies: Vec<String>) -> Result<(), Error> {
        sending::send(&self.0, queue, bodies).await
    }

    /// At most ten messages, and waits in whole seconds, up to 20: SQS has no others.
    async fn receive(&self, queue: QueueName, limit: usize, wait: Duration) -> Result<Vec<Delivery>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let wait = wait.min(LONG_POLL);
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let timeouts = connect::timeouts(connect::ATTEMPT + Duration::from_secs(seconds));
        let answer = self
            .0
            .client
            .receive_message()
            .queue_url(self.0.url(queue))
            .max_number_of_messages(limit.min(ENTRIES) as i32)
            .wait_time_seconds(seconds as i32)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(Config::builder().timeout_config(timeouts))
            .send()
            .await;
        let answer = answer.map_err(|error| Error::call("ReceiveMessage", self.0.name(queue), &error))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(delivery)
            .collect())
    }

    /// SQS accepts most stale receipts in silence, and deletes nothing; they are not counted.
    async fn delete(&self, queue: QueueName, receipts: Vec<Receipt>) -> Result<usize, Error> {
        apply(&self.0, queue, &receipts, Act::Delete).await
    }

    /// In whole seconds, rounded up, at most 12 hours.
    async fn extend(
        &self,
        queue: QueueName,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<usize, Error> {
        apply(&self.0, queue, &receipts, Act::extend(lease)).await
    }

    /// Two approximations; at Amazon they may be a minute old and of different moments.
    async fn depth(&self, queue: QueueName) -> Result<Depth, Error> {
        depth::depth(&self.0, queue).await
    }
}

/// A message without a receipt cannot be deleted, so nobody may own it.
fn delivery(message: Message) -> Option<Delivery> {
    let received = message
        .attributes()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount))
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    Some(Delivery {
        body: message.body.unwrap_or_default(),
        receipt: Receipt(message.receipt_handle?),
        received,
    })
}
