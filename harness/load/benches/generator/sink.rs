//! An HTTP server that says 202 to everything and remembers when each request arrived, on which connection.
//!
//! The time is the kernel's own stamp: on one machine that of the sender's system call, so that a sink that wakes late does not
//! count against who sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IoSliceMut, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use rustix::event::epoll;

use crate::this_program;

const LISTENER: u64 = u64::MAX;
const COMMAND: u64 = u64::MAX - 1;
const RESPONSE: &[u8] =
    b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 41\r\n\r\n\
    {\"id\":\"0123456789abcdef0123456789abcdef\"}";
const MOST: usize = 4_000_000;

/// A request as the sink saw it: nanoseconds of the wall clock, and which connection.
pub(crate) type Arrival = (u64, u32);

/// The child's whole life: serves until standard input ends; a line on it asks for the arrivals since the last one.
pub(crate) fn serve(fifo: bool) {
    if fifo {
        // Above the generator's class, so that arrivals are stamped when they arrive. Without the right to it: later.
        crate::floor::first_in_line();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    // Inherited by its connections; before the first of them, because the kernel takes a moment to begin with stamps.
    setsockopt(&listener, sockopt::ReceiveTimestampns, &true).unwrap();
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", listener.local_addr().unwrap()).unwrap();
    output.flush().unwrap();
    let input = std::io::stdin();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let watch = epoll::EventFlags::IN;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), watch).unwrap();
    epoll::add(&poll, &input, epoll::EventData::new_u64(COMMAND), watch).unwrap();
    let mut connections: BTreeMap<u64, (TcpStream, Vec<u8>)> = BTreeMap::new();
    let mut next = 0;
    let mut arrivals: Vec<Arrival> = vec![(0, 0); MOST];
    arrivals.clear();
    let empty = epoll::Event {
        flags: watch,
        data: epoll::EventData::new_u64(0),
    };
    let mut events = [empty; 64];
    loop {
        let count = epoll::wait(&poll, &mut events, None).unwrap_or(0);
        for event in &events[..count] {
            match event.data.u64() {
                LISTENER => {
                    while let Ok((stream, _)) = listener.accept() {
                        stream.set_nonblocking(true).unwrap();
                        stream.set_nodelay(true).unwrap();
                        epoll::add(&poll, &stream, epoll::EventData::new_u64(next), watch).unwrap();
                        connections.insert(next, (stream, Vec::new()));
                        next += 1;
                    }
                }
                COMMAND => {
                    let mut line = [0; 1];
                    if std::io::stdin().lock().read(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    hand_over(&mut arrivals, &mut output);
                }
                token => {
                    let Some((stream, buffer)) = connections.get_mut(&token) else {
                        continue;
                    };
                    if !answer(stream, buffer, token as u32, &mut arrivals) {
                        connections.remove(&token);
                    }
                }
            }
        }
    }
}

/// Reads what is there and answers complete requests; whether the connection is still of use.
fn answer(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    connection: u32,
    arrivals: &mut Vec<Arrival>,
) -> bool {
    let mut piece = [0; 16 * 1024];
    let (count, arrived) = match stamped(stream, &mut piece) {
        Ok((0, _)) => return false,
        Ok(read) => read,
        Err(error) => return error == Errno::EAGAIN,
    };
    buffer.extend_from_slice(&piece[..count]);
    while let Some(length) = request_length(buffer) {
        buffer.drain(..length);
        if arrivals.len() < MOST {
            arrivals.push((arrived, connection));
        }
        if stream.write_all(RESPONSE).is_err() {
            return false;
        }
    }
    true
}

/// Reads what is there, and when the last of it reached the machine.
fn stamped(stream: &TcpStream, piece: &mut [u8]) -> Result<(usize, u64), Errno> {
    let mut space = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut pieces = [IoSliceMut::new(piece)];
    let message = recvmsg::<SockaddrStorage>(
        stream.as_raw_fd(),
        &mut pieces,
        Some(&mut space),
        MsgFlags::empty(),
    )?;
    let stamp = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(time),
        _ => None,
    });
    let nanos = stamp.map_or(0, |time| {
        time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
    });
    assert!(nanos > 0 || message.bytes == 0, "the kernel stamped nothing");
    Ok((message.bytes, nanos))
}

fn request_length(bytes: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else {
        return None;
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = length.map_or(Some(0), |header| {
        std::str::from_utf8(header.value).ok()?.parse::<usize>().ok()
    })?;
    (bytes.len() >= head + body).then_some(head + body)
}

fn hand_over(arrivals: &mut Vec<Arrival>, output: &mut impl Write) {
    let mut bytes = Vec::with_capacity(8 + arrivals.len() * 12);
    bytes.extend_from_slice(&(arrivals.len() as u64).to_le_bytes());
    for (time, connection) in arrivals.drain(..) {
        bytes.extend_from_slice(&time.to_le_bytes());
        bytes.extend_from_slice(&connection.to_le_bytes());
    }
    output.write_all(&bytes).unwrap();
    output.flush().unwrap();
}

/// The parent's end of a sink process.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Sink {
    pub(crate) fn start(class: &str) -> Self {
        let mut child = this_program()
            .args(["sink", class])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        output.read_line(&mut address).unwrap();
        Self {
            address: address.trim().parse().unwrap(),
            input: child.stdin.take(),
            child,
            output,
        }
    }

    /// What arrived since the last call, in order.
    pub(crate) fn take(&mut self) -> Vec<Arrival> {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
        let mut eight = [0; 8];
        self.output.read_exact(&mut eight).unwrap();
        let mut bytes = vec![0; u64::from_le_bytes(eight) as usize * 12];
        self.output.read_exact(&mut bytes).unwrap();
        let (records, _) = bytes.as_chunks::<12>();
        records
            .iter()
            .map(|record| {
                let (time, connection) = record.split_at(8);
                let time = u64::from_le_bytes(time.try_into().unwrap());
                (time, u32::from_le_bytes(connection.try_into().unwrap()))
            })
            .collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
