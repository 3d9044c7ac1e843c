//! Finding, creating and deleting the queues.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::try_join_all;
use tally_model::QueueName;

use crate::error::short;
use crate::{Error, SqsConfig};

/// Dead letters and requests may wait for somebody to look at them: the longest that SQS keeps messages, 14 days.
const RETENTION: &str = "1209600";

/// The URL of every queue, by [`QueueName::index`].
pub(crate) async fn urls(client: &Client, config: &SqsConfig) -> Result<Vec<String>, Error> {
    if !config.create {
        return try_join_all(QueueName::ALL.map(|queue| find(client, config.name(queue)))).await;
    }
    // The others name it as the place for their dead letters, so it comes first.
    let dead = create(client, config, QueueName::Dead, None).await?;
    let arn = arn(client, &config.name(QueueName::Dead), &dead).await?;
    let create = QueueName::ALL.map(|queue| {
        let (dead, arn) = (&dead, &arn);
        async move {
            match queue {
                QueueName::Dead => Ok(dead.clone()),
                _ => create(client, config, queue, Some(arn)).await,
            }
        }
    });
    try_join_all(create).await
}

async fn find(client: &Client, name: String) -> Result<String, Error> {
    let found = client.get_queue_url().queue_name(&name).send().await;
    let found = found.map_err(|error| Error::call("GetQueueUrl", &name, &error))?;
    found
        .queue_url
        .ok_or_else(|| unanswered("GetQueueUrl", &name, "QueueUrl"))
}

/// Creates a queue, or brings one that exists to the wanted attributes.
async fn create(
    client: &Client,
    config: &SqsConfig,
    queue: QueueName,
    dead: Option<&String>,
) -> Result<String, Error> {
    let name = config.name(queue);
    let wanted = attributes(config, dead);
    let created = client
        .create_queue()
        .queue_name(&name)
        .set_attributes(Some(wanted.clone()))
        .send()
        .await;
    let error = match created {
        Ok(created) => {
            return created
                .queue_url
                .ok_or_else(|| unanswered("CreateQueue", &name, "QueueUrl"));
        }
        Err(error) => Error::call("CreateQueue", &name, &error),
    };
    // "A queue already exists with the same name and a different value for attribute ..."
    let exists = error
        .code()
        .is_some_and(|code| ["QueueAlreadyExists", "QueueNameExists"].contains(&short(code)));
    if !exists {
        return Err(error);
    }
    let url = find(client, name.clone()).await?;
    let set = client
        .set_queue_attributes()
        .queue_url(&url)
        .set_attributes(Some(wanted))
        .send()
        .await;
    set.map_err(|error| Error::call("SetQueueAttributes", &name, &error))?;
    Ok(url)
}

fn attributes(config: &SqsConfig, dead: Option<&String>) -> HashMap<QueueAttributeName, String> {
    let mut wanted = HashMap::from([
        (
            QueueAttributeName::VisibilityTimeout,
            config.visibility.as_secs().to_string(),
        ),
        (QueueAttributeName::MessageRetentionPeriod, RETENTION.to_owned()),
        (
            QueueAttributeName::MaximumMessageSize,
            config.message_bytes.to_string(),
        ),
    ]);
    if let Some(arn) = dead {
        let policy = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": config.receives });
        wanted.insert(QueueAttributeName::RedrivePolicy, policy.to_string());
    }
    wanted
}

async fn arn(client: &Client, name: &str, url: &str) -> Result<String, Error> {
    let asked = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await;
    let asked = asked.map_err(|error| Error::call("GetQueueAttributes", name, &error))?;
    asked
        .attributes()
        .and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn))
        .cloned()
        .ok_or_else(|| unanswered("GetQueueAttributes", name, "QueueArn"))
}

/// Deletes a queue; one that is not there is no failure.
pub(crate) async fn remove(client: &Client, name: &str, url: &str) -> Result<(), Error> {
    match client.delete_queue().queue_url(url).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = Error::call("DeleteQueue", name, &error);
            let gone = error
                .code()
                .is_some_and(|code| ["NonExistentQueue", "QueueDoesNotExist"].contains(&short(code)));
            if gone { Ok(()) } else { Err(error) }
        }
    }
}

/// A service that answers without what was asked for is no SQS.
pub(crate) fn unanswered(call: &'static str, name: &str, what: &str) -> Error {
    Error::Call {
        call,
        queue: name.to_owned(),
        code: None,
        detail: format!("the answer has no {what}: is this an SQS server?"),
        transient: false,
    }
}
