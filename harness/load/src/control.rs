//! What other threads may tell a running generator: stop, and (closed loop only) that a request was answered.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, epoll, eventfd};
use tally_model::RequestId;

/// The epoll token of the control; connections count up from zero.
pub(crate) const CONTROL: u64 = u64::MAX;

/// A handle to a running generator, to be cloned freely. One control serves one run.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

struct Shared {
    stop: AtomicBool,
    answered: Mutex<Vec<RequestId>>,
    capacity: usize,
    wake: OwnedFd,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("stopped", &self.stopped())
            .finish()
    }
}

impl Control {
    /// At most `capacity` answers wait to be noticed; in a closed loop give it the number of users or more.
    ///
    /// # Errors
    /// When the process may open no more files.
    pub fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self {
            shared: Arc::new(Shared {
                stop: AtomicBool::new(false),
                answered: Mutex::new(Vec::with_capacity(capacity)),
                capacity,
                wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            }),
        })
    }

    /// Ends the run now: what was not sent is dropped, what is in flight is given up.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Tells a closed loop that request `id` is answered, so that its user may go on. False if too many wait unnoticed.
    pub fn answered(&self, id: RequestId) -> bool {
        let mut answered = self
            .shared
            .answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if answered.len() >= self.shared.capacity {
            return false;
        }
        answered.push(id);
        drop(answered);
        self.wake();
        true
    }

    pub(crate) fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// Moves the answers told since the last call to `into`, which has room for them.
    pub(crate) fn take(&self, into: &mut Vec<RequestId>) {
        let mut answered = self
            .shared
            .answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        into.append(&mut answered);
    }

    /// Lets `epoll` wake for this control. Edge-triggered, so that the counter need never be read.
    pub(crate) fn register(&self, epoll: &OwnedFd) -> io::Result<()> {
        let data = epoll::EventData::new_u64(CONTROL);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        Ok(epoll::add(epoll, &self.shared.wake, data, flags)?)
    }

    fn wake(&self) {
        // It fails only when 2^64 - 2 wake-ups are outstanding, and then the generator is awake anyway.
        let _ = rustix::io::write(&self.shared.wake, &1u64.to_ne_bytes());
    }
}
