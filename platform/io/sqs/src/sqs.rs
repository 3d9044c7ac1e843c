//! The client as its users hold it.

use std::sync::Arc;

use aws_sdk_sqs::Client;
use tally_model::QueueName;

use crate::{Error, SqsConfig, connect, setup};

/// The queues of one platform at an SQS service. Clones share connections.
#[derive(Clone, Debug)]
pub struct Sqs(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) config: SqsConfig,
    /// By [`QueueName::index`].
    urls: Vec<String>,
    names: Vec<String>,
}

impl Sqs {
    /// Finds the queues; creates and configures them first if the configuration says so. Idempotent.
    ///
    /// # Errors
    /// [`Error::Config`] at once; otherwise what the service answered. A service that is not there yet is transient.
    pub async fn connect(config: SqsConfig) -> Result<Self, Error> {
        config.check()?;
        let client = connect::client(&config)?;
        let urls = setup::urls(&client, &config).await?;
        let names = QueueName::ALL.iter().map(|&queue| config.name(queue)).collect();
        Ok(Self(Arc::new(Inner {
            client,
            config,
            urls,
            names,
        })))
    }

    /// Deletes the queues with everything in them. Amazon lets nobody create queues of the same names for a minute.
    ///
    /// # Errors
    /// The first queue that could not be deleted; a queue that is not there is no failure.
    pub async fn remove(self) -> Result<(), Error> {
        for queue in QueueName::ALL {
            setup::remove(&self.0.client, self.0.name(queue), self.0.url(queue)).await?;
        }
        Ok(())
    }
}

impl Inner {
    /// Where a queue is.
    pub(crate) fn url(&self, queue: QueueName) -> &str {
        &self.urls[queue.index()]
    }

    /// What the service calls it.
    pub(crate) fn name(&self, queue: QueueName) -> &str {
        &self.names[queue.index()]
    }
}
