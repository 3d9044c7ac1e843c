//! What can go wrong on the wire.

use tally_ports::Failure;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// Whom.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The peer answered with an error, or the connection broke.
    #[error("{call} failed: {status}")]
    Call {
        /// Which call.
        call: &'static str,
        /// How.
        status: Box<tonic::Status>,
    },
    /// The peer answered something that has no meaning here.
    #[error("{call} answered {what}")]
    Answer {
        /// Which call.
        call: &'static str,
        /// What is wrong with the answer.
        what: String,
    },
    /// The call took too long.
    #[error("{call} took too long")]
    Late {
        /// Which call.
        call: &'static str,
    },
}

impl Error {
    pub(crate) fn call(call: &'static str) -> impl FnOnce(tonic::Status) -> Self {
        move |status| Self::Call {
            call,
            status: Box::new(status),
        }
    }
}

impl Failure for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Late { .. } => true,
            Self::Call { status, .. } => matches!(
                status.code(),
                tonic::Code::Unavailable
                    | tonic::Code::DeadlineExceeded
                    | tonic::Code::ResourceExhausted
                    | tonic::Code::Aborted
                    | tonic::Code::Unknown
                    | tonic::Code::Cancelled
            ),
            Self::Answer { .. } => false,
        }
    }
}
