//! Names: the id that an idempotency key stands for, the digest of a body, and the keys of the metadata store.

use serde::{Deserialize, Serialize};
use tally_consensus::mutant::{self, Mutant};
use tally_model::{Instant, RequestId};

use super::interface::Submission;

/// Domain of ids. A key names the same request for ever, so this text never changes.
const ID_DOMAIN: &str = "tally 2026 request id of an idempotency key";
/// Domain of body digests.
const BODY_DOMAIN: &str = "tally 2026 request body";

/// What `request/<id>` holds: enough to tell a retry from a clash, and to send the same message again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestRecord {
    /// See [`body_digest`].
    pub(crate) digest: String,
    /// When the gateway first took it.
    pub(crate) accepted: Instant,
}

/// The id of a submission: the first 128 bits of BLAKE3 (key derivation mode) over its key, or its entropy.
pub(crate) fn request_id(submission: &Submission) -> RequestId {
    let key = submission.key.as_ref().filter(|_| !mutant::is(Mutant::IgnoreKey));
    let Some(key) = key else {
        return RequestId(submission.entropy);
    };
    let hash = blake3::derive_key(ID_DOMAIN, key.as_bytes());
    let (head, _) = hash.split_at(16);
    RequestId(
        head.iter()
            .fold(0, |value, byte| (value << 8) | u128::from(*byte)),
    )
}

/// BLAKE3 over everything that decides what is executed, each field with its length; 64 hexadecimal digits.
pub(crate) fn body_digest(submission: &Submission) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(BODY_DOMAIN);
    hasher.update(&(submission.expression.len() as u64).to_be_bytes());
    hasher.update(submission.expression.as_bytes());
    let tag = submission.tag.as_deref();
    hasher.update(&[u8::from(tag.is_some())]);
    hasher.update(&(tag.unwrap_or_default().len() as u64).to_be_bytes());
    hasher.update(tag.unwrap_or_default().as_bytes());
    hasher.update(&[u8::from(submission.work_key.is_some())]);
    hasher.update(&submission.work_key.unwrap_or_default().to_be_bytes());
    hasher.finalize().to_hex().to_string()
}

/// The draw of the service-time model of a request whose client chose none.
pub(crate) const fn default_work_key(id: RequestId) -> u64 {
    (id.0 >> 64) as u64
}

/// Where the fact that a request was accepted is kept.
pub(crate) fn request_key(id: RequestId) -> String {
    format!("request/{id}")
}

/// Where answers are kept, each under its id of 32 hexadecimal digits.
pub(crate) const ANSWERS: &str = "answer/";

/// Where its answer is kept.
pub(crate) fn answer_key(id: RequestId) -> String {
    format!("{ANSWERS}{id}")
}
