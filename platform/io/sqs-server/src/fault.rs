//! Errors as SQS gives them: a shape for JSON, a code for the older protocol, and whose fault it is.

use hyper::StatusCode;
use tally_embedded::Error as StoreError;

/// A refused request, or a refused entry of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: Kind,
    pub(crate) message: String,
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $kind:ident = $shape:literal, $code:literal, $status:literal;)+) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$meta])* $kind),+ }
        impl Kind {
            /// Name of the error in the JSON protocol, its code in the query protocol, its status.
            fn row(self) -> (&'static str, &'static str, u16) {
                match self { $(Self::$kind => ($shape, $code, $status)),+ }
            }
        }
    };
}

kinds! {
    NoQueue = "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400;
    NameExists = "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", 400;
    Receipt = "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400;
    NotInflight = "com.amazonaws.sqs#MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400;
    Contents = "com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", 400;
    AttributeName = "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", 400;
    AttributeValue = "com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", 400;
    EmptyBatch = "com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400;
    TooManyEntries = "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400;
    SameIds = "com.amazonaws.sqs#BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400;
    BatchId = "com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400;
    TooLong = "com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400;
    OverLimit = "com.amazonaws.sqs#OverLimit", "OverLimit", 403;
    Throttled = "com.amazonaws.sqs#RequestThrottled", "RequestThrottled", 400;
    Unsupported = "com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400;
    Parameter = "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", 400;
    Missing = "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", 400;
    NoAction = "com.amazon.coral.service#UnknownOperationException", "InvalidAction", 400;
    Malformed = "com.amazon.coral.service#SerializationException", "MalformedInput", 400;
    Internal = "com.amazonaws.sqs#InternalFailure", "InternalFailure", 500;
}

impl Fault {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The queue that was asked for does not exist.
    pub(crate) fn no_queue() -> Self {
        Self::new(Kind::NoQueue, "The specified queue does not exist.")
    }

    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.row().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The code by which command lines, batch entries and older SDKs know it.
    pub(crate) fn code(&self) -> &'static str {
        self.kind.row().1
    }

    /// Whether the sender must change something.
    pub(crate) fn by_sender(&self) -> bool {
        !matches!(self.kind, Kind::Internal | Kind::Throttled)
    }

    /// The header `x-amzn-query-error`.
    pub(crate) fn query_error(&self) -> String {
        let whose = if self.by_sender() { "Sender" } else { "Receiver" };
        format!("{};{whose}", self.code())
    }

    /// The body of the response.
    pub(crate) fn body(&self) -> String {
        serde_json::json!({ "__type": self.kind.row().0, "message": self.message }).to_string()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } => Self::new(Kind::Parameter, error.to_string()),
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::new(Kind::Internal, "the store failed; see the server's log")
            }
        }
    }
}
