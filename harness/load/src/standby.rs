//! A second thread, on another core, that sends what the first one is late for.
//!
//! A core can stand still: a hypervisor gives it to somebody else, a sleeping one is woken late, an interrupt takes long. Two
//! cores seldom do at the same moment. So while the first thread sleeps or spins, this one sleeps towards a little after the
//! next due time; if the request is still there by then, it sends it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, TryLockError};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::clock::{Clock, thread_cpu};
use crate::realtime;
use crate::sender::Sender;

/// How late the first thread is when it is relieved; awake, it is late by less than a microsecond.
const RELIEF: u64 = 20_000;
/// While the first thread works, this one looks after it less and less often, down to this.
const LONGEST: u64 = 1_000_000;
/// No request is to be sent.
const NOTHING: u64 = u64::MAX;
/// No request will be sent any more.
const OVER: u64 = u64::MAX - 1;

/// What the second thread did.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    /// Requests it sent.
    pub(crate) sent: u64,
    /// Its CPU time.
    pub(crate) cpu_ns: u64,
}

/// The due time that the second thread watches.
#[derive(Debug)]
pub(crate) struct Watch {
    due: AtomicU64,
    thread: OnceLock<Thread>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            due: AtomicU64::new(NOTHING),
            thread: OnceLock::new(),
        }
    }
}

/// Ends the watch when dropped, also by a panic of the first thread.
pub(crate) struct Shift<'a>(&'a Watch);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        self.0.change(OVER);
    }
}

impl Watch {
    /// The watch is kept by `thread`, for as long as the result lives.
    pub(crate) fn by(&self, thread: Thread) -> Shift<'_> {
        self.thread.get_or_init(|| thread);
        Shift(self)
    }

    /// Says what is due next; to be called with the state in hand.
    pub(crate) fn post(&self, due: Option<u64>) {
        self.change(due.unwrap_or(NOTHING));
    }

    /// Times only grow, so that a thread that sleeps towards one need not be told of the next.
    fn change(&self, to: u64) {
        let from = self.due.swap(to, Ordering::AcqRel);
        if let Some(thread) = self.thread.get()
            && (from == NOTHING || to == OVER)
            && from != to
        {
            thread.unpark();
        }
    }
}

/// The second thread's life, on `core`.
pub(crate) fn stand_by(core: usize, shared: &Mutex<Sender<'_>>, watch: &Watch, clock: Clock) -> Relief {
    realtime::tighten_timers();
    realtime::stay_on(core);
    let mut sent = 0;
    let (mut seen, mut patience) = (NOTHING, RELIEF);
    loop {
        let due = watch.due.load(Ordering::Acquire);
        if due != seen {
            (seen, patience) = (due, RELIEF);
        }
        if due == OVER {
            break;
        }
        if due == NOTHING {
            thread::park();
            continue;
        }
        let (now, until) = (clock.now(), due.saturating_add(patience));
        if now < until {
            thread::park_timeout(Duration::from_nanos(until - now));
            continue;
        }
        // Neither waits for the first thread: while it has the state it is at work, and if its core stands still then,
        // nobody can help.
        patience = match shared.try_lock() {
            Ok(mut sender) => {
                sent += sender.fire_due();
                watch.post(sender.next_due());
                RELIEF
            }
            Err(TryLockError::WouldBlock) => (patience * 2).min(LONGEST),
            Err(TryLockError::Poisoned(_)) => break,
        };
    }
    Relief {
        sent,
        cpu_ns: thread_cpu(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::prefetch::prefetch;
    use crate::{Control, Options, Shots};

    const SHOTS: u64 = 40;

    /// `first` plays the first thread of a run whose requests are all due; what the second did, and how many were sent in all.
    fn relieved(first: impl FnOnce(&Mutex<Sender<'_>>, &TcpListener, &dyn Fn())) -> (u64, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let options = Options::to(listener.local_addr().unwrap());
        let mut shots = Shots::new();
        for n in 0..SHOTS {
            shots.push(n, Duration::ZERO, |bytes| {
                bytes.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
            });
        }
        let control = Control::new(0).unwrap();
        let (supply, preparing) = prefetch(&options, &shots, &control, 0, 1);
        thread::scope(|scope| {
            scope.spawn(|| preparing.run());
            let sender = Sender::new(&options, &control, supply).unwrap();
            let clock = sender.clock;
            let shared = Mutex::new(sender);
            let watch = Watch::default();
            let relief = thread::scope(|scope| {
                let second = scope.spawn(|| stand_by(0, &shared, &watch, clock));
                let shift = watch.by(second.thread().clone());
                first(&shared, &listener, &|| watch.post(Some(0)));
                drop(shift);
                second.join().unwrap()
            });
            let mut sender = shared.into_inner().unwrap();
            let sent = sender.tally.lag.len();
            sender.abandon();
            sender.supply.close();
            (relief.sent, sent)
        })
    }

    /// A first thread that does nothing more is relieved of everything that is due.
    #[test]
    fn what_the_first_thread_does_not_send_the_second_does() {
        let sent = relieved(|_, listener, post| {
            post();
            for _ in 0..SHOTS {
                listener.accept().unwrap();
            }
        });
        assert_eq!(sent, (SHOTS, SHOTS));
    }

    /// A first thread that is at work is left alone, also when it has much to do.
    #[test]
    fn a_first_thread_at_work_is_not_disturbed() {
        let sent = relieved(|shared, _, post| {
            let _at_work = shared.lock().unwrap();
            post();
            thread::sleep(Duration::from_millis(3));
        });
        assert_eq!(sent, (0, 0));
    }

    /// Nothing is sent unless something is due.
    #[test]
    fn a_watch_without_a_due_time_sends_nothing() {
        assert_eq!(
            relieved(|_, _, _| thread::sleep(Duration::from_millis(3))),
            (0, 0)
        );
    }
}
