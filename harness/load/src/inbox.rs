//! What the kernel has to say about the connections of one sending thread.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::epoll;

use crate::clock::timespec;

const EVENTS: usize = 64;

/// Events that were fetched and not handled yet.
pub(crate) struct Inbox {
    epoll: Arc<OwnedFd>,
    events: Vec<epoll::Event>,
    count: usize,
    cursor: usize,
}

impl Inbox {
    /// Of the connections that `epoll` watches.
    ///
    /// # Errors
    /// When the kernel has no `epoll_pwait2` (before 5.11): this must fail here rather than spin later.
    pub(crate) fn new(epoll: Arc<OwnedFd>) -> io::Result<Self> {
        let empty = epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        };
        epoll::wait(&epoll, &mut [empty; 1], Some(&timespec(0)))?;
        Ok(Self {
            epoll,
            events: vec![empty; EVENTS],
            count: 0,
            cursor: 0,
        })
    }

    /// Asks the kernel for events, waiting at most `nanos`. Not while some are left.
    pub(crate) fn poll(&mut self, nanos: u64) {
        self.cursor = 0;
        // An interrupted wait is an early wake-up, which the loop survives anyway.
        self.count =
            epoll::wait(&self.epoll, self.events.as_mut_slice(), Some(&timespec(nanos))).unwrap_or(0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cursor == self.count
    }

    /// The next one that is not handled.
    pub(crate) fn next(&mut self) -> Option<epoll::Event> {
        let event = *self.events[..self.count].get(self.cursor)?;
        self.cursor += 1;
        Some(event)
    }
}
