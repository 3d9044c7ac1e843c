//! The actions by name, and what they share.

use std::collections::BTreeMap;
use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_embedded::Embedded;
use tokio_util::sync::CancellationToken;

use crate::act::{messages, queues, receipts};
use crate::config::ServerConfig;
use crate::fault::{Fault, Kind};
use crate::input::{self, required};
use crate::metrics::Metrics;
use crate::registry::{ACCOUNT, Entry, Registry};

/// What every action works on.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Embedded,
    pub(crate) registry: Registry,
    pub(crate) config: ServerConfig,
    pub(crate) metrics: Metrics,
    /// Cancelled at shutdown: long polls end empty.
    pub(crate) stop: CancellationToken,
}

/// One request: where the client believes that this server is, and what it sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Service,
    /// Host and port by which the client reached it; they become part of queue URLs.
    pub(crate) host: &'a str,
}

/// The actions of standard queues, in the order of the API reference.
pub(crate) const ACTIONS: &[&str] = &[
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
];

impl Call<'_> {
    /// Does one action; the answer is JSON.
    pub(crate) async fn perform(self, action: &str, body: &[u8]) -> Result<String, Fault> {
        match action {
            "ChangeMessageVisibility" => at_once(body, |input| receipts::change_one(self, input)),
            "ChangeMessageVisibilityBatch" => at_once(body, |input| receipts::change_batch(self, input)),
            "CreateQueue" => run(body, |input| queues::create(self, input)).await,
            "DeleteMessage" => at_once(body, |input| receipts::delete_one(self, input)),
            "DeleteMessageBatch" => at_once(body, |input| receipts::delete_batch(self, input)),
            "DeleteQueue" => run(body, |input| queues::delete(self, input)).await,
            "GetQueueAttributes" => at_once(body, |input| queues::attributes(self, input)),
            "GetQueueUrl" => at_once(body, |input| queues::url(self, input)),
            "ListDeadLetterSourceQueues" => at_once(body, |input| queues::sources(self, input)),
            "ListQueues" => at_once(body, |input| queues::list(self, input)),
            "PurgeQueue" => at_once(body, |input| queues::purge(self, input)),
            "ReceiveMessage" => run(body, |input| messages::receive(self, input)).await,
            "SendMessage" => run(body, |input| messages::send_one(self, input)).await,
            "SendMessageBatch" => run(body, |input| messages::send_batch(self, input)).await,
            "SetQueueAttributes" => run(body, |input| queues::set(self, input)).await,
            other => Err(Fault::new(
                Kind::NoAction,
                format!("The action {other} is unknown, or not offered by this server."),
            )),
        }
    }

    /// The queue that a URL names: its last part is the name. Hosts differ by how a client reached the server.
    pub(crate) fn queue(self, url: Option<&str>) -> Result<(String, Entry), Fault> {
        let url = required("QueueUrl", url)?;
        let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
        Ok((name.to_owned(), self.service.registry.get(name)?))
    }

    /// The URL of a queue as this client reaches it.
    pub(crate) fn url_of(self, name: &str) -> String {
        format!("http://{}/{ACCOUNT}/{name}", self.host)
    }

    /// The ARN of a queue.
    pub(crate) fn arn_of(self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", self.service.config.region)
    }
}

/// An action that waits for nothing.
fn at_once<I, O>(body: &[u8], act: impl FnOnce(I) -> Result<O, Fault>) -> Result<String, Fault>
where
    I: DeserializeOwned,
    O: Serialize,
{
    write(&act(input::read(body)?)?)
}

async fn run<I, O, F>(body: &[u8], act: impl FnOnce(I) -> F) -> Result<String, Fault>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Future<Output = Result<O, Fault>>,
{
    write(&act(input::read(body)?).await?)
}

fn write(output: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(output).map_err(|error| Fault::new(Kind::Internal, error.to_string()))
}

/// A map of texts, as attributes travel.
pub(crate) type Texts = BTreeMap<String, String>;
