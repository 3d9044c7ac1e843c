//! Batch requests: the rules that all three have in common, and their answer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Kind};
use crate::input::required;

/// Entries of one batch.
const ENTRIES: usize = 10;

/// The input of a batch action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "E: Deserialize<'de>"))]
pub(crate) struct Batch<E> {
    pub(crate) queue_url: Option<String>,
    entries: Option<Vec<Entry<E>>>,
}

#[derive(Debug, Deserialize)]
struct Entry<E> {
    #[serde(rename = "Id")]
    id: Option<String>,
    #[serde(flatten)]
    input: E,
}

impl<E> Batch<E> {
    /// The entries with their ids, which are distinct; a batch that breaks a rule fails as a whole.
    pub(crate) fn entries(self) -> Result<Vec<(String, E)>, Fault> {
        let entries = required("Entries", self.entries)?;
        if entries.is_empty() {
            let message = "There should be at least one entry in the request.";
            return Err(Fault::new(Kind::EmptyBatch, message));
        }
        if entries.len() > ENTRIES {
            let message = format!(
                "Maximum number of entries per request are {ENTRIES}. You have sent {}.",
                entries.len()
            );
            return Err(Fault::new(Kind::TooManyEntries, message));
        }
        let mut ids = BTreeSet::new();
        let mut checked = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = required("Id", entry.id)?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if !(1..=80).contains(&id.len()) || !id.bytes().all(plain) {
                let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                               It can be at most 80 letters long.";
                return Err(Fault::new(Kind::BatchId, message));
            }
            if !ids.insert(id.clone()) {
                return Err(Fault::new(Kind::SameIds, format!("Id {id} repeated.")));
            }
            checked.push((id, entry.input));
        }
        Ok(checked)
    }
}

/// The answer of a batch action.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Results<T> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) successful: Vec<Success<T>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed: Vec<Failure>,
}

/// An entry that succeeded.
#[derive(Debug, Serialize)]
pub(crate) struct Success<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    output: T,
}

/// An entry that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Failure {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

impl<T> FromIterator<(String, Result<T, Fault>)> for Results<T> {
    fn from_iter<I: IntoIterator<Item = (String, Result<T, Fault>)>>(entries: I) -> Self {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (id, result) in entries {
            match result {
                Ok(output) => successful.push(Success { id, output }),
                Err(fault) => failed.push(Failure {
                    id,
                    sender_fault: fault.by_sender(),
                    code: fault.code(),
                    message: fault.message,
                }),
            }
        }
        Self { successful, failed }
    }
}

/// The output of an entry that has none.
#[derive(Debug, Serialize)]
pub(crate) struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Empty {}

    /// Claim: the rules of a batch, each with its own error.
    #[test]
    fn batches_keep_their_rules() {
        let batch = |ids: &[&str]| Batch::<Empty> {
            queue_url: None,
            entries: Some(
                ids.iter()
                    .map(|id| Entry {
                        id: Some((*id).to_owned()),
                        input: Empty {},
                    })
                    .collect(),
            ),
        };
        let eleven: Vec<String> = (0..11).map(|index| index.to_string()).collect();
        let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
        for (ids, code) in [
            (&["a", "b"][..], None),
            (&[], Some("AWS.SimpleQueueService.EmptyBatchRequest")),
            (
                &eleven,
                Some("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
            ),
            (
                &["a", "a"],
                Some("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
            ),
            (&["a b"], Some("AWS.SimpleQueueService.InvalidBatchEntryId")),
        ] {
            assert_eq!(
                batch(ids).entries().err().map(|fault| fault.code()),
                code,
                "{ids:?}"
            );
        }
    }
}
