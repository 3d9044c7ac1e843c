//! What can go wrong with a queue service, and whether trying again is of use.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use tally_ports::Failure;

/// Codes that say "later", whatever the status: throttling, quotas of messages in flight, and the service's own failures.
const LATER: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "KmsThrottled",
    "OverLimit",
    "QueueDeletedRecently",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error("the SQS configuration cannot be used: {0}")]
    Config(String),
    /// A call failed.
    #[error("SQS {call} on {queue} failed: {detail}")]
    Call {
        /// The operation, as in the API.
        call: &'static str,
        /// The queue's name at the service.
        queue: String,
        /// The service's code, if it answered with one.
        code: Option<String>,
        /// The whole chain of causes.
        detail: String,
        /// See [`Failure::is_transient`].
        transient: bool,
    },
    /// Entries of a batch failed, and went on failing.
    #[error("SQS {call} on {queue}: {count} entries failed, the first with {code} ({detail})")]
    Entries {
        /// The operation, as in the API.
        call: &'static str,
        /// The queue's name at the service.
        queue: String,
        /// How many.
        count: usize,
        /// The code of the first.
        code: String,
        /// What the service says about the first.
        detail: String,
        /// See [`Failure::is_transient`].
        transient: bool,
    },
    /// A body is larger than the service takes.
    #[error(
        "a body of {bytes} bytes for {queue} is more than the {limit} that the service takes: send less, or raise message_bytes if the service takes more"
    )]
    TooLarge {
        /// The queue's name at the service.
        queue: String,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
}

impl Failure for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Config(_) | Self::TooLarge { .. } => false,
            Self::Call { transient, .. } | Self::Entries { transient, .. } => *transient,
        }
    }
}

impl Error {
    /// The service's code, if it gave one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Call { code, .. } => code.as_deref(),
            Self::Entries { code, .. } => Some(code),
            Self::Config(_) | Self::TooLarge { .. } => None,
        }
    }

    /// A call that failed as a whole. Lost connections and time-outs are transient, and so is what the service calls its
    /// own fault.
    pub(crate) fn call<E>(call: &'static str, queue: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let code = error.code().map(short).map(str::to_owned);
        let transient = match error {
            SdkError::ConstructionFailure(_) => false,
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            // A request that cannot be made because there are no credentials is not mended by asking again; a lost
            // connection is.
            SdkError::DispatchFailure(failure) => !failure.is_user(),
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                status >= 500 || status == 429 || code.as_deref().is_some_and(is_later)
            }
            _ => false,
        };
        Self::Call {
            call,
            queue: queue.to_owned(),
            code,
            detail: DisplayErrorContext(error).to_string(),
            transient,
        }
    }
}

/// Whether a code says that the same may succeed later.
pub(crate) fn is_later(code: &str) -> bool {
    LATER.contains(&short(code))
}

/// A code without the namespace that the query protocol had.
pub(crate) fn short(code: &str) -> &str {
    code.rsplit(['.', '#']).next().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: throttling is transient under each of its names, and what the caller did wrong is not.
    #[test]
    fn only_later_is_later() {
        for (code, later) in [
            ("RequestThrottled", true),
            ("AWS.SimpleQueueService.OverLimit", true),
            ("com.amazonaws.sqs#RequestThrottled", true),
            ("AccessDenied", false),
            ("AWS.SimpleQueueService.NonExistentQueue", false),
            ("", false),
        ] {
            assert_eq!(is_later(code), later, "{code}");
        }
    }
}
