//! A gateway that does exactly what a test tells it to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// What the sink received.
pub(crate) struct Arrival {
    /// The `Idempotency-Key`, or the path of a GET.
    pub(crate) key: String,
    /// How many times this key was seen before.
    pub(crate) seen: usize,
    /// Length of the body.
    pub(crate) body: usize,
}

/// What it does about it: the pieces to write, each flushed; `None` closes the connection without a word.
pub(crate) type Behaviour = dyn Fn(&Arrival) -> Option<Vec<Vec<u8>>> + Send + Sync;

/// A listening sink; it lives as long as the test process.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Sink {
    pub(crate) fn start(
        behaviour: impl Fn(&Arrival) -> Option<Vec<Vec<u8>>> + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), behaviour)
    }

    pub(crate) fn on(
        listener: TcpListener,
        behaviour: impl Fn(&Arrival) -> Option<Vec<Vec<u8>>> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let (behaviour, counts): (Arc<Behaviour>, _) = (Arc::new(behaviour), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (behaviour, counts) = (Arc::clone(&behaviour), Arc::clone(&counts));
                thread::spawn(move || serve(stream, &*behaviour, &counts));
            }
        });
        Self { address, seen }
    }

    /// How often each key arrived.
    pub(crate) fn arrivals(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, behaviour: &Behaviour, seen: &Mutex<BTreeMap<String, usize>>) {
    stream.set_nodelay(true).unwrap();
    let mut received = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while let Some((length, mut arrival)) = request(&received) {
            received.drain(..length);
            {
                let mut seen = seen.lock().unwrap();
                let count = seen.entry(arrival.key.clone()).or_insert(0);
                arrival.seen = *count;
                *count += 1;
            }
            let Some(pieces) = behaviour(&arrival) else { return };
            for piece in pieces {
                if stream.write_all(&piece).is_err() {
                    return;
                }
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => received.extend_from_slice(&piece[..count]),
        }
    }
}

/// The first complete request and its length.
fn request(bytes: &[u8]) -> Option<(usize, Arrival)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    let header = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let body: usize = header("Content-Length:").map_or(0, |length| length.parse().unwrap());
    if bytes.len() < head + body {
        return None;
    }
    let path = text.split(' ').nth(1).unwrap();
    let key = header("Idempotency-Key:").unwrap_or(path).to_owned();
    Some((head + body, Arrival { key, seen: 0, body }))
}

/// A response with a body, in one piece.
pub(crate) fn reply(status: &str, body: &str) -> Option<Vec<Vec<u8>>> {
    let length = body.len();
    Some(vec![
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes(),
    ])
}

/// The 202 of the gateway for the request whose key is a number.
pub(crate) fn accept(arrival: &Arrival) -> Option<Vec<Vec<u8>>> {
    let number: u128 = arrival.key.parse().unwrap();
    reply(
        "202 Accepted",
        &format!("{{\"id\":\"{number:032x}\",\"state\":\"accepted\"}}"),
    )
}

/// Lets time pass until `end`, and never less: parking alone may end early.
pub(crate) fn hold_until(end: Instant) {
    while Instant::now() < end {
        thread::park_timeout(end.saturating_duration_since(Instant::now()));
    }
}
