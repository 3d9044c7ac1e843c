//! Actions on queues: making, finding, describing, changing, emptying and deleting them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attributes::{Attributes, unknown};
use crate::batch::Nothing;
use crate::fault::{Fault, Kind};
use crate::input::{Whole, required, within};
use crate::registry::Entry;
use crate::service::{Call, Texts};

/// Queues in one answer of a list.
const PAGE: i64 = 1000;
/// Attributes that are counted or derived, beside those that are set.
const DERIVED: &[&str] = &[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Create {
    queue_name: Option<String>,
    attributes: Option<Texts>,
    #[serde(rename = "tags")]
    tags: Option<Value>,
}

/// An answer with the URL of a queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Url {
    queue_url: String,
}

pub(crate) async fn create(call: Call<'_>, input: Create) -> Result<Url, Fault> {
    let name = required("QueueName", input.queue_name)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.strip_suffix(".fifo").is_some() {
        return Err(Fault::new(
            Kind::Unsupported,
            "FIFO queues are not offered by this server.",
        ));
    }
    if !(1..=80).contains(&name.len()) || !name.bytes().all(plain) {
        let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(Fault::new(Kind::Parameter, message));
    }
    if input
        .tags
        .is_some_and(|tags| tags.as_object().is_none_or(|tags| !tags.is_empty()))
    {
        return Err(Fault::new(
            Kind::Unsupported,
            "Tags are not offered by this server.",
        ));
    }
    let service = call.service;
    let largest = service.config.message_bytes;
    let given = Attributes::read(input.attributes.unwrap_or_default(), largest)?;
    service
        .registry
        .create(&service.store, &name, given, largest)
        .await?;
    Ok(Url {
        queue_url: call.url_of(&name),
    })
}

/// Input of an action on a queue that needs no more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OfQueue {
    queue_url: Option<String>,
}

pub(crate) async fn delete(call: Call<'_>, input: OfQueue) -> Result<Nothing, Fault> {
    let (name, _) = call.queue(input.queue_url.as_deref())?;
    call.service.registry.delete(&call.service.store, &name).await?;
    Ok(Nothing {})
}

pub(crate) fn purge(call: Call<'_>, input: OfQueue) -> Result<Nothing, Fault> {
    let (_, entry) = call.queue(input.queue_url.as_deref())?;
    call.service.store.purge(entry.id());
    Ok(Nothing {})
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Named {
    queue_name: Option<String>,
}

pub(crate) fn url(call: Call<'_>, input: Named) -> Result<Url, Fault> {
    let name = required("QueueName", input.queue_name)?;
    call.service.registry.get(&name)?;
    Ok(Url {
        queue_url: call.url_of(&name),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct List {
    queue_name_prefix: Option<String>,
    max_results: Option<Whole>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(crate) fn list(call: Call<'_>, input: List) -> Result<Listed, Fault> {
    let asked = input.max_results.map_or(PAGE, |whole| whole.0);
    let limit = within("MaxResults", asked, 1..=PAGE)? as usize;
    let prefix = input.queue_name_prefix.unwrap_or_default();
    // The token is the last name of the page before.
    let after = input.next_token.as_deref();
    let mut names = call.service.registry.names(&prefix, after, limit + 1);
    let more = names.len() > limit;
    names.truncate(limit);
    Ok(Listed {
        next_token: names.last().filter(|_| more).cloned(),
        queue_urls: names.iter().map(|name| call.url_of(name)).collect(),
    })
}

/// The one list whose name does not begin with a capital letter.
#[derive(Debug, Serialize)]
pub(crate) struct Sources {
    #[serde(rename = "queueUrls")]
    queue_urls: Vec<String>,
}

pub(crate) fn sources(call: Call<'_>, input: OfQueue) -> Result<Sources, Fault> {
    let (name, _) = call.queue(input.queue_url.as_deref())?;
    let names = call.service.registry.sources(&call.arn_of(&name));
    Ok(Sources {
        queue_urls: names.iter().map(|name| call.url_of(name)).collect(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Set {
    queue_url: Option<String>,
    attributes: Option<Texts>,
}

pub(crate) async fn set(call: Call<'_>, input: Set) -> Result<Nothing, Fault> {
    let (name, _) = call.queue(input.queue_url.as_deref())?;
    let given = required("Attributes", input.attributes)?;
    let given = Attributes::read(given, call.service.config.message_bytes)?;
    call.service
        .registry
        .set(&call.service.store, &name, given)
        .await?;
    Ok(Nothing {})
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Describe {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    #[serde(skip_serializing_if = "Texts::is_empty")]
    attributes: Texts,
}

pub(crate) fn attributes(call: Call<'_>, input: Describe) -> Result<Described, Fault> {
    let (name, entry) = call.queue(input.queue_url.as_deref())?;
    let asked = input.attribute_names.unwrap_or_default();
    let names: Vec<&str> = if asked.iter().any(|asked| asked == "All") {
        DERIVED.iter().copied().chain(entry.attributes.names()).collect()
    } else {
        asked.iter().map(String::as_str).collect()
    };
    let mut attributes = Texts::new();
    for asked in names {
        if let Some(value) = attribute(call, &name, &entry, asked)? {
            attributes.insert(asked.to_owned(), value);
        }
    }
    Ok(Described { attributes })
}

/// The value of an attribute; `None` for one that is known and not set.
fn attribute(call: Call<'_>, name: &str, entry: &Entry, asked: &str) -> Result<Option<String>, Fault> {
    let census = || call.service.store.census(entry.id());
    Ok(Some(match asked {
        "ApproximateNumberOfMessages" => census()?.visible.to_string(),
        "ApproximateNumberOfMessagesDelayed" => census()?.delayed.to_string(),
        "ApproximateNumberOfMessagesNotVisible" => census()?.in_flight.to_string(),
        "CreatedTimestamp" => entry.created.to_string(),
        "LastModifiedTimestamp" => entry.modified.to_string(),
        "QueueArn" => call.arn_of(name),
        "RedrivePolicy" => return Ok(entry.attributes.text(asked, 0)),
        other => entry
            .attributes
            .text(other, call.service.config.message_bytes)
            .ok_or_else(|| unknown(other))?,
    }))
}
