//! Checking a message before it is stored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::digest;
use crate::envelope::{Attribute, Envelope};
use crate::fault::{Fault, Kind};
use crate::input::{Whole, required, within};

/// Attributes of one message.
const ATTRIBUTES: usize = 10;

/// A message as it is sent; the fields of `SendMessage` without its queue, and of an entry of `SendMessageBatch`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Draft {
    message_body: Option<String>,
    delay_seconds: Option<Whole>,
    message_attributes: Option<BTreeMap<String, Attribute>>,
    message_system_attributes: Option<Value>,
    message_deduplication_id: Option<Value>,
    message_group_id: Option<Value>,
}

/// A message that may be stored.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) id: String,
    /// See [`Envelope::close`].
    pub(crate) stored: String,
    /// Seconds; `None` for the queue's own.
    pub(crate) delay: Option<u64>,
    /// What it counts towards the limits.
    pub(crate) bytes: usize,
    pub(crate) body_digest: String,
    pub(crate) attributes_digest: Option<String>,
}

impl Draft {
    /// Checks everything but the size of a batch; `largest` is the queue's limit in bytes.
    pub(crate) fn check(self, largest: usize) -> Result<Ready, Fault> {
        for (name, given) in [
            ("MessageSystemAttributes", self.message_system_attributes),
            ("MessageDeduplicationId", self.message_deduplication_id),
            ("MessageGroupId", self.message_group_id),
        ] {
            if given.is_some_and(|value| !value.is_null()) {
                let message = format!("{name} is not offered by this server.");
                return Err(Fault::new(Kind::Unsupported, message));
            }
        }
        let body = required("MessageBody", self.message_body)?;
        if body.is_empty() {
            return Err(Fault::new(
                Kind::Missing,
                "The request must contain the parameter MessageBody.",
            ));
        }
        if let Some(character) = body.chars().find(|&character| !is_allowed(character)) {
            let message = format!(
                "Invalid character {} in the message body.",
                character.escape_unicode()
            );
            return Err(Fault::new(Kind::Contents, message));
        }
        let attributes = self.message_attributes.unwrap_or_default();
        check_attributes(&attributes)?;
        let beside = |(name, attribute): (&String, &Attribute)| name.len() + attribute.bytes();
        let bytes = body.len() + attributes.iter().map(beside).sum::<usize>();
        if bytes > largest {
            let message = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {largest} bytes."
            );
            return Err(Fault::new(Kind::Parameter, message));
        }
        let delay = self
            .delay_seconds
            .map(|whole| within("DelaySeconds", whole.0, 0..=900));
        let attributes_digest = digest::of_attributes(&attributes);
        let envelope = Envelope::new(attributes);
        let stored = envelope.close(&body);
        Ok(Ready {
            stored: stored.map_err(|error| Fault::new(Kind::Internal, error.to_string()))?,
            id: envelope.id,
            delay: delay.transpose()?,
            bytes,
            body_digest: digest::of_text(&body),
            attributes_digest,
        })
    }
}

/// The characters of XML 1.0, which are all that SQS carries (API reference, `SendMessage`).
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn check_attributes(attributes: &BTreeMap<String, Attribute>) -> Result<(), Fault> {
    let wrong = |message: String| Err(Fault::new(Kind::Parameter, message));
    if attributes.len() > ATTRIBUTES {
        return wrong(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES}].",
            attributes.len()
        ));
    }
    for (name, attribute) in attributes {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=256).contains(&name.len()) || !name.bytes().all(plain) {
            return wrong(format!("Message attribute name '{name}' is invalid."));
        }
        let kind = attribute.data_type.split('.').next().unwrap_or_default();
        let text = attribute
            .string_value
            .as_ref()
            .is_some_and(|text| !text.is_empty());
        let valid = match kind {
            "String" | "Number" => text && attribute.binary_value.is_none(),
            "Binary" => {
                attribute.string_value.is_none() && attribute.binary().is_some_and(|bytes| !bytes.is_empty())
            }
            _ => {
                return wrong(format!(
                    "The type of message attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
                ));
            }
        };
        if !valid {
            return wrong(format!(
                "The message attribute '{name}' must contain a non-empty value of its type."
            ));
        }
    }
    Ok(())
}
