//! A small blocking client for what is not timed: reads, status, single submissions.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tally_model::RequestId;
use thiserror::Error;

use crate::request::{Submission, serialise, serialise_get};
use crate::response::{Parsed, parse};

/// An answer may carry thousands of certificates.
const REPLY_LIMIT: usize = 64 << 20;
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Seconds of `Retry-After`, if given.
    pub retry_after: Option<u32>,
    /// As received.
    pub body: Vec<u8>,
}

/// Why there is no reply.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The connection failed or stayed silent.
    #[error("{target}: {source}; is the platform up (`tally status`)?")]
    Io {
        /// The gateway asked.
        target: SocketAddr,
        /// What happened.
        source: io::Error,
    },
    /// Something answered, but not with HTTP this client reads.
    #[error("{target}: {reason}; is this the address of a Tally gateway?")]
    Malformed {
        /// The gateway asked.
        target: SocketAddr,
        /// What is wrong.
        reason: &'static str,
    },
}

/// One keep-alive connection to the gateway, opened when needed.
#[derive(Debug)]
pub struct Client {
    target: SocketAddr,
    timeout: Duration,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    /// Connecting, writing and each pause between bytes of a reply may take `timeout` (at least 1 ms).
    pub fn new(target: SocketAddr, timeout: Duration) -> Self {
        Self {
            target,
            timeout: timeout.max(Duration::from_millis(1)),
            stream: None,
            buffer: Vec::new(),
        }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get(&mut self, path: &str) -> Result<Reply, ClientError> {
        self.get_within(path, self.timeout)
    }

    /// `GET /v1/expressions/{id}`; with `wait` the gateway holds the reply until the answer is there or time is up.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn expression(&mut self, id: RequestId, wait: Option<Duration>) -> Result<Reply, ClientError> {
        match wait {
            None => self.get(&format!("/v1/expressions/{id}")),
            Some(wait) => {
                let path = format!("/v1/expressions/{id}?wait={}ms", wait.as_millis());
                self.get_within(&path, self.timeout.saturating_add(wait))
            }
        }
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn status(&mut self) -> Result<Reply, ClientError> {
        self.get("/v1/status")
    }

    /// Submits until a reply comes or `within` has passed, under one idempotency key, so that it is one request.
    /// 429 and 503 are tried again after `Retry-After` while time is left.
    ///
    /// # Errors
    /// The last [`ClientError`]: whether the request was accepted is then unknown.
    pub fn submit(&mut self, submission: &Submission<'_>, within: Duration) -> Result<Reply, ClientError> {
        let mut request = Vec::new();
        serialise(submission, &mut request);
        let end = Instant::now() + within;
        let mut pause = PAUSE;
        loop {
            let reply = self.exchange(&request, self.timeout);
            let wait = match &reply {
                Ok(reply) if matches!(reply.status, 429 | 503) => {
                    pause.max(Duration::from_secs(reply.retry_after.unwrap_or(0).into()))
                }
                Err(ClientError::Io { .. }) => pause,
                _ => return reply,
            };
            if Instant::now() + wait >= end {
                return reply;
            }
            thread::sleep(wait);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn get_within(&mut self, path: &str, timeout: Duration) -> Result<Reply, ClientError> {
        let mut request = Vec::new();
        serialise_get(self.target, path, &mut request);
        self.exchange(&request, timeout)
    }

    /// One request, one reply. A kept connection may have been closed by the server meanwhile; then once more on a new one.
    fn exchange(&mut self, request: &[u8], timeout: Duration) -> Result<Reply, ClientError> {
        let was_kept = self.stream.is_some();
        match self.attempt(request, timeout) {
            Err(ClientError::Io { source, .. }) if was_kept && !is_timeout(&source) => {
                self.attempt(request, timeout)
            }
            outcome => outcome,
        }
    }

    fn attempt(&mut self, request: &[u8], timeout: Duration) -> Result<Reply, ClientError> {
        let target = self.target;
        let outcome = self
            .talk(request, timeout)
            .map_err(|source| ClientError::Io { target, source });
        match outcome {
            Ok(Parsed::Complete(response)) => {
                if !response.keep_alive {
                    self.stream = None;
                }
                Ok(Reply {
                    status: response.status,
                    retry_after: response.retry_after,
                    body: self.buffer[response.body].to_vec(),
                })
            }
            Ok(other) => {
                self.stream = None;
                let reason = match other {
                    Parsed::Refused(reason) => reason,
                    _ => "the reply is incomplete",
                };
                Err(ClientError::Malformed { target, reason })
            }
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    fn talk(&mut self, request: &[u8], timeout: Duration) -> io::Result<Parsed> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect_timeout(&self.target, self.timeout)?,
        };
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.timeout))?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(request)?;
        self.buffer.clear();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let count = match stream.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if count == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the connection closed before a reply",
                ));
            }
            self.buffer.extend_from_slice(&piece[..count]);
            match parse(&self.buffer, REPLY_LIMIT) {
                Parsed::Partial => {}
                parsed => {
                    self.stream = Some(stream);
                    return Ok(parsed);
                }
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
