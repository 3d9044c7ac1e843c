//! What became of one request.

use serde::{Deserialize, Serialize};
use tally_model::RequestId;

/// Why it is not known what the platform made of a request, or that it never saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendError {
    /// It was never handed to the kernel: the run ended or its deadline passed while it waited for a connection.
    NeverSent,
    /// No attempt reached the server, so it was certainly not accepted.
    Refused,
    /// At least one attempt was written and no response came back: accepted or not, only a later read can tell. A later attempt may have
    /// been told to come back (408, 429), which says nothing of the first.
    Unknown,
}

/// One request: when it was meant, what was done, what came back. All times are nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// See [`crate::Shot::n`].
    pub n: u64,
    /// When the schedule wanted it sent. Latency counts from here.
    pub intended_ns: u64,
    /// The moment before the first attempt's first system call; `None` if it was never attempted.
    pub sent_ns: Option<u64>,
    /// First byte of the response that resolved it.
    pub first_byte_ns: u64,
    /// Last byte of the response that resolved it, or when it was given up.
    pub last_byte_ns: u64,
    /// HTTP status; zero when `error` is set.
    pub status: u16,
    /// The id in the body of a 202.
    pub id: Option<RequestId>,
    /// How often it was attempted, under one idempotency key.
    pub attempts: u16,
    /// Seconds of `Retry-After`, if the last response had one.
    pub retry_after: Option<u32>,
    /// Why there is no status.
    pub error: Option<SendError>,
}

impl Sent {
    /// From the intended time to the last byte, in nanoseconds: what a client that sends on schedule experiences.
    pub fn response_ns(&self) -> u64 {
        self.last_byte_ns.saturating_sub(self.intended_ns)
    }

    /// From the first attempt to the last byte, in nanoseconds: blind to time spent waiting for the generator.
    pub fn service_ns(&self) -> u64 {
        self.last_byte_ns
            .saturating_sub(self.sent_ns.unwrap_or(self.last_byte_ns))
    }

    /// How late the generator was, in nanoseconds; `None` if never attempted.
    pub fn lag_ns(&self) -> Option<u64> {
        self.sent_ns.map(|sent| sent.saturating_sub(self.intended_ns))
    }

    pub(crate) fn scheduled(n: u64, intended_ns: u64) -> Self {
        Self {
            n,
            intended_ns,
            sent_ns: None,
            first_byte_ns: 0,
            last_byte_ns: 0,
            status: 0,
            id: None,
            attempts: 0,
            retry_after: None,
            error: None,
        }
    }
}
