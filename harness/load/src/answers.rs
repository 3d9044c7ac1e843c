//! Hears answers on the gateway's event stream and stamps them as they arrive.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tally_model::RequestId;

use crate::clock::Clock;
use crate::event_stream::{EventStream, Framing};
use crate::request::serialise_get;
use crate::response::scan_id;

const CONNECT: Duration = Duration::from_secs(2);
/// The stream carries comments as signs of life; silence for this long means that it is lost.
const SILENCE: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
const HEAD_LIMIT: usize = 16 * 1024;

/// One answer as it came off the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whose.
    pub id: RequestId,
    /// When the bytes that completed it were read, nanoseconds since the start of the run.
    pub at_ns: u64,
    /// The `AnswerMessage` as received.
    pub json: Vec<u8>,
}

/// What the stream has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// An answer.
    Answer(Answer),
    /// Nothing was heard between these times (nanoseconds since the start): read outstanding requests again.
    Lost {
        /// The last time something was read.
        from_ns: u64,
        /// When the stream was open again.
        to_ns: u64,
    },
    /// The gateway dropped so many answers because this client did not keep up: read outstanding requests again.
    Dropped(u64),
    /// An event without a readable id: the gateway and this client disagree.
    Unreadable(Vec<u8>),
}

/// A thread that listens to `GET /v1/answers?tag=...` and reconnects when the stream is lost. Dropping it ends it.
#[derive(Debug)]
pub struct AnswerStream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    socket: Mutex<Option<TcpStream>>,
}

/// The listening side.
struct Listener {
    target: SocketAddr,
    tag: String,
    clock: Clock,
    events: SyncSender<StreamEvent>,
    shared: Arc<Shared>,
}

/// An open stream: the socket, its framing, and body bytes that came with the head.
struct Opened {
    stream: TcpStream,
    framing: Framing,
    rest: Vec<u8>,
}

impl AnswerStream {
    /// Subscribes to `tag` and returns when the gateway has confirmed it, so that no later answer can be missed.
    ///
    /// `start` is the zero of the times. At most `capacity` events wait in the channel; when it is full, reading
    /// pauses and the stamps of later answers are late, so drain it.
    ///
    /// # Errors
    /// When the gateway does not answer with an event stream, or there is no thread to listen.
    pub fn open(
        target: SocketAddr,
        tag: &str,
        start: Instant,
        capacity: usize,
    ) -> io::Result<(Self, Receiver<StreamEvent>)> {
        let (events, receiver) = sync_channel(capacity);
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            socket: Mutex::new(None),
        });
        let listener = Listener {
            target,
            tag: tag.to_owned(),
            clock: Clock::starting_at(start),
            events,
            shared: Arc::clone(&shared),
        };
        let opened = listener.subscribe()?;
        thread::Builder::new()
            .name("tally-answers".to_owned())
            .spawn(move || listener.listen(opened))?;
        Ok((Self { shared }, receiver))
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let socket = self.shared.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = socket.as_ref() {
            // The reader wakes with the end of the stream. A socket that is closed already needs no telling.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Listener {
    fn subscribe(&self) -> io::Result<Opened> {
        let mut stream = TcpStream::connect_timeout(&self.target, CONNECT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CONNECT))?;
        let mut request = Vec::new();
        serialise_get(
            self.target,
            &format!("/v1/answers?tag={}", self.tag),
            &mut request,
        );
        stream.write_all(&request)?;
        let mut head = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let count = stream.read(&mut piece)?;
            head.extend_from_slice(&piece[..count]);
            if let Some((framing, length)) = accept_head(&head)? {
                stream.set_read_timeout(Some(SILENCE))?;
                let rest = head.split_off(length);
                let mut socket = self.shared.socket.lock().unwrap_or_else(PoisonError::into_inner);
                *socket = Some(stream.try_clone()?);
                return Ok(Opened {
                    stream,
                    framing,
                    rest,
                });
            }
            if count == 0 || head.len() > HEAD_LIMIT {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the answer stream has no HTTP head",
                ));
            }
        }
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    fn listen(self, mut opened: Opened) {
        loop {
            let from_ns = self.read_to_end(opened);
            let Some(again) = self.reconnect() else { return };
            let to_ns = self.clock.now();
            if self.events.send(StreamEvent::Lost { from_ns, to_ns }).is_err() {
                return;
            }
            opened = again;
        }
    }

    /// Forwards events until the stream breaks; when something was last read.
    fn read_to_end(&self, mut opened: Opened) -> u64 {
        let mut parser = EventStream::new(opened.framing);
        let mut last = self.clock.now();
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = std::mem::take(&mut opened.rest);
        loop {
            let mut gone = false;
            let fed = parser.feed(&bytes, &mut |data| {
                gone |= self.events.send(event(data, last)).is_err();
            });
            if gone {
                self.shared.stop.store(true, Ordering::Release);
            }
            if fed.is_err() || self.stopped() {
                return last;
            }
            match opened.stream.read(&mut buffer) {
                Ok(0) => return last,
                Ok(count) => {
                    last = self.clock.now();
                    bytes.clear();
                    bytes.extend_from_slice(&buffer[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => bytes.clear(),
                Err(_) => return last,
            }
        }
    }

    /// Tries until the gateway is back; `None` when told to stop.
    fn reconnect(&self) -> Option<Opened> {
        let mut pause = FIRST_PAUSE;
        while !self.stopped() {
            if let Ok(opened) = self.subscribe() {
                return Some(opened);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        None
    }
}

fn event(data: &[u8], at_ns: u64) -> StreamEvent {
    match scan_id(data) {
        Some(id) => StreamEvent::Answer(Answer {
            id,
            at_ns,
            json: data.to_vec(),
        }),
        None => match scan_lost(data) {
            Some(count) => StreamEvent::Dropped(count),
            None => StreamEvent::Unreadable(data.to_vec()),
        },
    }
}

/// N of `{"lost":N}`, which is what the gateway says of answers that found no room.
fn scan_lost(data: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(data).ok()?;
    text.strip_prefix("{\"lost\":")?
        .strip_suffix('}')?
        .trim()
        .parse()
        .ok()
}

/// Framing and length of a complete head, if it announces an event stream.
fn accept_head(bytes: &[u8]) -> io::Result<Option<(Framing, usize)>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(invalid(format!("GET /v1/answers: not an HTTP response: {error}"))),
    };
    if head.code != Some(200) {
        let status = head.code.unwrap_or(0);
        return Err(invalid(format!(
            "GET /v1/answers: status {status}, expected 200; is this a Tally gateway?"
        )));
    }
    let is_chunked = head.headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("transfer-encoding") && header.value.ends_with(b"chunked")
    });
    let framing = if is_chunked {
        Framing::Chunked
    } else {
        Framing::UntilClose
    };
    Ok(Some((framing, length)))
}
