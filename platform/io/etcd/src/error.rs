//! What can go wrong with etcd, and whether trying again is of use.

use etcd_client::Error as Client;
use tally_ports::Failure;

/// gRPC codes that say "later" (gRPC documentation, "Status codes and their use").
const LATER: &[i32] = &[
    1,  // cancelled: the connection ended under the call
    2,  // unknown: also what a lost connection looks like
    4,  // deadline exceeded
    8,  // resource exhausted: too many requests
    10, // aborted
    13, // internal: a stream that was reset
    14, // unavailable, and no leader
];

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error("the etcd configuration cannot be used: {0}")]
    Config(String),
    /// A call took too long; whether it had an effect is unknown.
    #[error("etcd did not answer `{call}` in time: check that a majority of its members is up")]
    Timeout {
        /// What was asked.
        call: &'static str,
    },
    /// A call failed.
    #[error("etcd `{call}` failed: {detail}")]
    Call {
        /// What was asked.
        call: &'static str,
        /// What etcd or the connection says.
        detail: String,
        /// See [`Failure::is_transient`].
        transient: bool,
    },
}

impl Failure for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Config(_) => false,
            Self::Timeout { .. } => true,
            Self::Call { transient, .. } => *transient,
        }
    }
}

impl Error {
    /// A failed call.
    pub(crate) fn call(call: &'static str, error: &Client) -> Self {
        let transient = match error {
            Client::GRpcStatus(status) => LATER.contains(&(status.code() as i32)),
            Client::IoError(_) | Client::TransportError(_) | Client::WatchError(_) => true,
            _ => false,
        };
        Self::Call {
            call,
            detail: error.to_string(),
            transient,
        }
    }

    /// What etcd says that it never says.
    pub(crate) fn odd(call: &'static str, detail: &str) -> Self {
        Self::Call {
            call,
            detail: detail.to_owned(),
            transient: false,
        }
    }
}
