//! Whose turn it is on a connection, and how long that may take.
//!
//! hyper's one header timeout cannot tell a connection that never spoke from one that rests between requests. Here the
//! socket itself knows: a first byte is due within the head timeout, a head that began must end within it, a resting
//! connection may rest for the idle timeout, and a client that does not take its response is closed too.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::Request;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use tally_model::Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Shared by the socket and the service of one connection.
#[derive(Debug)]
pub(crate) struct Turn {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// A request is being served: the server's turn.
    busy: bool,
    /// No request was served yet.
    fresh: bool,
    /// When the client's turn, or the head, began.
    since: Instant,
    /// What was read since the client's turn began: the head of the next request, as it came.
    head: Vec<u8>,
}

impl Turn {
    /// A connection that was just accepted.
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        let state = State {
            busy: false,
            fresh: true,
            since: Instant::now(),
            head: Vec::new(),
        };
        Arc::new(Self {
            limits,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request was read. False if its length is ambiguous: two proxies in a row would disagree where it ends, which is
    /// how requests are smuggled (RFC 9112, 6.3). hyper drops one of the two headers, so the head is read as it came; a
    /// chunked request whose head was read together with its predecessor (pipelining) is refused for the same reason.
    pub(crate) fn begin<B>(&self, request: &Request<B>) -> bool {
        let mut state = self.state();
        state.busy = true;
        let head = std::mem::take(&mut state.head);
        let chunked = request.headers().contains_key(TRANSFER_ENCODING);
        let sized = request.headers().contains_key(CONTENT_LENGTH);
        !chunked || (!sized && is_unambiguous(&head, request.method().as_str()))
    }

    /// The response was handed over: the client's turn.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.busy = false;
        state.fresh = false;
        state.since = Instant::now();
        state.head.clear();
    }

    fn read(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.busy || bytes.is_empty() {
            return;
        }
        if state.head.is_empty() {
            state.since = Instant::now();
        }
        let room = (2 * self.limits.headers).saturating_sub(state.head.len());
        state.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Until when the client must say something.
    fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        if state.busy {
            return None;
        }
        let resting = state.head.is_empty() && !state.fresh;
        let patience = if resting {
            self.limits.idle_timeout
        } else {
            self.limits.head_timeout
        };
        Some(state.since + patience)
    }
}

/// Whether the head is complete, is of that method, and has no length besides its chunked coding.
fn is_unambiguous(head: &[u8], method: &str) -> bool {
    let start = head
        .iter()
        .position(|b| !b"\r\n".contains(b))
        .unwrap_or(head.len());
    let head = &head[start..];
    if !head.starts_with(method.as_bytes()) || head.get(method.len()) != Some(&b' ') {
        return false;
    }
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else {
            return false;
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            return true;
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
            return false;
        }
    }
    false
}

/// A socket that keeps to the turns.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    socket: S,
    turn: Arc<Turn>,
    reading: Pin<Box<Sleep>>,
    writing: Pin<Box<Sleep>>,
    stalled: bool,
}

impl<S> Paced<S> {
    /// Takes over a socket.
    pub(crate) fn new(socket: S, turn: Arc<Turn>) -> Self {
        let now = Instant::now();
        Self {
            socket,
            turn,
            reading: Box::pin(sleep_until(now)),
            writing: Box::pin(sleep_until(now)),
            stalled: false,
        }
    }

    /// A write made no progress: for how long already?
    fn stall<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = false;
            return result;
        }
        if !self.stalled {
            self.stalled = true;
            self.writing
                .as_mut()
                .reset(Instant::now() + self.turn.limits.idle_timeout);
        }
        match self.writing.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(late("the client does not take the response"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn late(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message)
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.socket).poll_read(cx, buffer);
        // Bytes do not prolong a head: whose time is over is closed even while it drips.
        this.turn.read(&buffer.filled()[before..]);
        let Some(deadline) = this.turn.deadline() else {
            return result;
        };
        if this.reading.deadline() != deadline {
            this.reading.as_mut().reset(deadline);
        }
        match this.reading.as_mut().poll(cx) {
            Poll::Ready(()) if result.is_pending() => Poll::Ready(Err(late("the client does not speak"))),
            Poll::Ready(()) | Poll::Pending => result,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.stall(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        this.stall(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::is_unambiguous;

    /// Only a complete head of that method without a length passes.
    #[test]
    fn heads_with_two_lengths_are_seen() {
        let table: [(&[u8], bool); 8] = [
            (
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                true,
            ),
            (b"\r\nPOST / HTTP/1.1\r\n\r\nContent-Length: 1\r\n", true),
            (b"POST / HTTP/1.1\r\ncontent-LENGTH: 4\r\n\r\n", false),
            (b"POST / HTTP/1.1\nContent-Length: 4\n\n", false),
            (b"POST / HTTP/1.1\r\nContent-Length : 4\r\n\r\n", false),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", false),
            (b"GET / HTTP/1.1\r\n\r\n", false),
            (b"", false),
        ];
        for (head, expected) in table {
            assert_eq!(is_unambiguous(head, "POST"), expected, "{}", head.escape_ascii());
        }
    }
}
