//! What can go wrong between us and an API server.

use std::time::Duration;

use tally_ports::Failure;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to an API server.
    #[error("no Kubernetes cluster can be reached: {0}")]
    Access(String),
    /// The API server refused, or the connection broke.
    #[error("{call}: {reason}")]
    Call {
        /// What was tried, with the object's name.
        call: String,
        /// Why not.
        reason: String,
        /// The HTTP status; none if no answer came.
        code: Option<u16>,
    },
    /// The call took too long.
    #[error("{call}: no answer within {after:?}")]
    Late {
        /// What was tried.
        call: String,
        /// For how long.
        after: Duration,
    },
    /// The pod template cannot be used.
    #[error("the pod template is of no use: {0}; see deploy/base/workers/pod.json")]
    Template(String),
}

impl Error {
    pub(crate) fn call(call: impl Into<String>, error: &kube::Error) -> Self {
        let (reason, code) = match error {
            kube::Error::Api(status) => (status.message.clone(), Some(status.code)),
            // The outer text of the others says only which layer failed.
            other => (chain(other), None),
        };
        Self::Call {
            call: call.into(),
            reason,
            code,
        }
    }

    /// The HTTP status that the API server answered with, if it did.
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Call { code, .. } => *code,
            Self::Access(_) | Self::Late { .. } | Self::Template(_) => None,
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text
}

impl Failure for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Late { .. } => true,
            Self::Access(_) | Self::Template(_) => false,
            // Throttled, failing, a lost race; 403 is what a full quota answers, and pods that go make room.
            Self::Call { code, .. } => code.is_none_or(|code| matches!(code, 403 | 408 | 409 | 429 | 500..)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trying again is of use exactly where the answer can change by itself.
    #[test]
    fn a_refusal_for_good_is_not_transient() {
        let answer = |code| Error::Call {
            call: "create pod a".into(),
            reason: "no".into(),
            code,
        };
        for code in [None, Some(403), Some(409), Some(429), Some(500), Some(503)] {
            assert!(answer(code).is_transient(), "{code:?}");
        }
        for code in [400, 401, 404, 405, 422] {
            assert!(!answer(Some(code)).is_transient(), "{code}");
        }
    }
}
