//! What is stored of a message beside its body: a line of JSON, then the body as it was sent.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// One message attribute, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    /// `String`, `Number` or `Binary`, and a suffix of the sender's.
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

impl Attribute {
    /// The bytes of a binary value; `None` if it has none, or if it is not Base64.
    pub(crate) fn binary(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.binary_value.as_ref()?).ok()
    }

    /// What it counts towards the size of a message, without its name.
    pub(crate) fn bytes(&self) -> usize {
        let binary = self.binary().map_or(0, |bytes| bytes.len());
        self.data_type.len() + self.string_value.as_ref().map_or(0, String::len) + binary
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    /// The message's id, a UUID.
    pub(crate) id: String,
    /// When it was sent, milliseconds of Unix time.
    pub(crate) sent: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

impl Envelope {
    /// For a message that is sent now.
    pub(crate) fn new(attributes: BTreeMap<String, Attribute>) -> Self {
        Self {
            id: uuid(rand::random()),
            sent: now(),
            attributes,
        }
    }

    /// The stored form.
    pub(crate) fn close(&self, body: &str) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(self)?;
        text.reserve(body.len() + 1);
        text.push('\n');
        text.push_str(body);
        Ok(text)
    }

    /// The envelope and the body of a stored form; `None` if it is none.
    pub(crate) fn open(stored: &str) -> Option<(Self, &str)> {
        let (line, body) = stored.split_once('\n')?;
        Some((serde_json::from_str(line).ok()?, body))
    }
}

/// Milliseconds of Unix time.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A random UUID (RFC 9562, version 4) from 128 random bits.
pub(crate) fn uuid(bits: u128) -> String {
    let bits = (((bits & !(0xf << 76)) | (4 << 76)) & !(0b11 << 62)) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: whatever the body is, what is stored opens to what was sent.
    #[test]
    fn envelopes_open_to_what_was_sent() {
        let attribute = Attribute {
            data_type: "Number".into(),
            string_value: Some("1\n2".into()),
            binary_value: None,
        };
        let envelope = Envelope::new(BTreeMap::from([("a\nb".to_owned(), attribute)]));
        for body in ["x", "\n", "{\"a\":\n1}", ""] {
            let stored = envelope.close(body).expect("it is JSON");
            assert_eq!(Envelope::open(&stored), Some((envelope.clone(), body)));
        }
        assert_eq!(Envelope::open("no line"), None);
    }

    /// Claim: version and variant are those of a random UUID.
    #[test]
    fn ids_are_random_uuids() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
