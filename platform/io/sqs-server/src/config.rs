//! Where the server listens, where it keeps its file, and its bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tally_model::Limits;

/// What a server is told when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// A second address for probes and metrics alone; `None` for none. They are answered on `listen` too.
    pub health: Option<SocketAddr>,
    /// Its file, or a directory for it.
    pub data: PathBuf,
    /// The region in its ARNs.
    pub region: String,
    /// Bytes of one message, and of the messages of one call; 1 MiB at Amazon, here up to 15 MiB.
    pub message_bytes: usize,
    /// Bytes of all messages together, which are kept in memory; above it sends are throttled.
    pub stored_bytes: usize,
    /// Queues; above it no more can be created.
    pub queues: usize,
    /// Bytes of requests being read or answered at once; more wait.
    pub request_bytes: usize,
    /// Connections, header bytes and time-outs; the other limits of the public door do not concern a queue.
    pub limits: Limits,
}

impl ServerConfig {
    /// The most that [`ServerConfig::message_bytes`] may be: what the store takes, less room for attributes.
    pub const LARGEST: usize = tally_embedded::BODY_LIMIT - (1 << 20);

    /// The limits of Amazon on this address and file.
    pub fn new(listen: SocketAddr, data: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            health: None,
            data: data.into(),
            region: "us-east-1".to_owned(),
            message_bytes: 1 << 20,
            stored_bytes: 512 << 20,
            queues: 1000,
            request_bytes: 128 << 20,
            limits: Limits {
                // A client that keeps long polls open rests between them for longer than a browser would.
                idle_timeout: Duration::from_mins(2),
                ..Limits::default()
            },
        }
    }

    /// Bytes of one request: a body of nothing but quotes doubles in JSON, and there is something around it.
    pub(crate) fn largest_request(&self) -> usize {
        2 * self.message_bytes + (64 << 10)
    }
}
