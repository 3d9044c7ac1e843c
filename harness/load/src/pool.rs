//! The connections of one thread, open before they are needed.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with, sockopt};

/// No request.
pub(crate) const NONE: u32 = u32::MAX;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Closed,
    Connecting,
    Idle,
    Writing,
    Awaiting,
}

/// One slot of the pool.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Option<TcpStream>,
    /// Counts uses of the slot, so that an event of an earlier connection is recognised.
    pub(crate) generation: u32,
    pub(crate) phase: Phase,
    /// The request it carries, or [`NONE`].
    pub(crate) shot: u32,
    /// Bytes of the request the kernel has taken.
    pub(crate) written: usize,
    /// When the attempt began.
    pub(crate) started: u64,
    pub(crate) first_byte: u64,
    /// Start of a response that did not arrive in one piece.
    pub(crate) pending: Vec<u8>,
}

impl Connection {
    /// Whether the socket connected to itself: possible on one machine while nobody listens on a port of the range
    /// for outgoing connections (simultaneous open, RFC 9293, section 3.5), and it would keep the server from returning.
    pub(crate) fn met_itself(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(|stream| match (stream.local_addr(), stream.peer_addr()) {
                (Ok(local), Ok(peer)) => local == peer,
                _ => false,
            })
    }
}

/// All connections of a thread, and the epoll instance that watches them.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) epoll: Arc<OwnedFd>,
    pub(crate) slots: Vec<Connection>,
    idle: Vec<u32>,
    vacant: Vec<u32>,
    /// How many slots are [`Phase::Connecting`].
    pub(crate) connecting: usize,
    target: SocketAddr,
}

impl Pool {
    pub(crate) fn new(target: SocketAddr, most: usize) -> io::Result<Self> {
        let slots = (0..most).map(|_| Connection {
            stream: None,
            generation: 0,
            phase: Phase::Closed,
            shot: NONE,
            written: 0,
            started: 0,
            first_byte: 0,
            pending: Vec::new(),
        });
        Ok(Self {
            epoll: Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?),
            slots: slots.collect(),
            idle: Vec::with_capacity(most),
            vacant: (0..most as u32).rev().collect(),
            connecting: 0,
            target,
        })
    }

    /// The most recently used idle connection: its memory is still in the cache.
    pub(crate) fn take_idle(&mut self) -> Option<u32> {
        self.idle.pop()
    }

    pub(crate) fn idle_count(&self) -> usize {
        self.idle.len()
    }

    pub(crate) fn may_grow(&self) -> bool {
        !self.vacant.is_empty()
    }

    pub(crate) fn put_idle(&mut self, slot: u32) {
        let connection = &mut self.slots[slot as usize];
        connection.phase = Phase::Idle;
        connection.shot = NONE;
        connection.pending.clear();
        self.idle.push(slot);
    }

    /// Begins to connect; the request `shot` is to be written as soon as that succeeds.
    pub(crate) fn open(&mut self, shot: u32, now: u64) -> io::Result<()> {
        let stream = connect(self.target)?;
        let Some(slot) = self.vacant.pop() else {
            return Err(io::Error::other("the connection pool is full"));
        };
        let connection = &mut self.slots[slot as usize];
        connection.generation = connection.generation.wrapping_add(1) & 0x7fff_ffff;
        let token = u64::from(connection.generation) << 32 | u64::from(slot);
        // Registered once for everything, edge-triggered: no epoll_ctl on the send path.
        let flags =
            epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        if let Err(error) = epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(token), flags) {
            self.vacant.push(slot);
            return Err(error.into());
        }
        connection.stream = Some(stream);
        connection.phase = Phase::Connecting;
        self.connecting += 1;
        connection.shot = shot;
        connection.written = 0;
        connection.started = now;
        connection.pending.clear();
        Ok(())
    }

    /// A connection is established and not idle yet.
    pub(crate) fn connected(&mut self, slot: u32) {
        self.connecting -= 1;
        self.slots[slot as usize].phase = Phase::Writing;
    }

    /// The slot an event is for, unless its connection is gone.
    pub(crate) fn slot_of(&self, token: u64) -> Option<u32> {
        let slot = token as u32;
        let connection = self.slots.get(slot as usize)?;
        (connection.phase != Phase::Closed && u64::from(connection.generation) == token >> 32).then_some(slot)
    }

    /// Closes a connection; the request it carried, or [`NONE`].
    pub(crate) fn close(&mut self, slot: u32) -> u32 {
        let connection = &mut self.slots[slot as usize];
        if connection.phase == Phase::Idle {
            self.idle.retain(|idle| *idle != slot);
        }
        if connection.phase == Phase::Connecting {
            self.connecting -= 1;
        }
        connection.phase = Phase::Closed;
        connection.stream = None;
        self.vacant.push(slot);
        std::mem::replace(&mut connection.shot, NONE)
    }
}

fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error.into()),
    }
}
