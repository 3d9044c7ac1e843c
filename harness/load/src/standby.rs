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

/// How late the first thread is when it is relieved; one that spun is late by less than a microsecond.
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

    /// Times only grow, so that a thread that sleeps towards one need not be told of the next. What is over stays so.
    fn change(&self, to: u64) {
        let change = |from| (from != OVER).then_some(to);
        let changed = self.due.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
        if let (Ok(from), Some(thread)) = (changed, self.thread.get())
            && (from == NOTHING || to == OVER)
            && from != to
        {
            thread.unpark();
        }
    }
}

/// The second thread's life, on `core`.
pub(crate) fn stand_by(core: usize, shared: &Mutex<Sender<'_>>, watch: &Watch, clock: Clock) -> Relief {
    // The scheduling class is that of the first thread, which started this one.
    realtime::tighten_timers();
    realtime::stay_on(core);
    let mut sent = 0;
    // Nothing is tried before `rest`, and the next time `pause` later.
    let (mut seen, mut pause, mut rest) = (NOTHING, RELIEF, 0);
    loop {
        let due = watch.due.load(Ordering::Acquire);
        if due == OVER {
            break;
        }
        if due == NOTHING {
            thread::park();
            continue;
        }
        if due != seen {
            (seen, pause) = (due, RELIEF);
        }
        let (now, until) = (clock.now(), rest.max(due.saturating_add(RELIEF)));
        if now < until {
            thread::park_timeout(Duration::from_nanos(until - now));
            continue;
        }
        // Never waits for the first thread: while it has the state it is at work.
        match shared.try_lock() {
            Ok(mut sender) if !sender.control.stopped() => {
                sent += sender.fire_due();
                watch.post(sender.next_due());
            }
            Ok(_) | Err(TryLockError::WouldBlock) => pause = (pause * 2).min(LONGEST),
            Err(TryLockError::Poisoned(_)) => break,
        }
        rest = clock.now() + pause;
    }
    Relief {
        sent,
        cpu_ns: thread_cpu(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use rustix::net::sockopt::{Timeout, set_socket_timeout};

    use super::*;
    use crate::prefetch::prefetch;
    use crate::{Control, Options, Shots};

    const SHOTS: u64 = 40;

    /// `first` plays the first thread of a run whose requests are all due; what the second did, and how many were sent in all.
    fn relieved(first: impl FnOnce(&Mutex<Sender<'_>>, &TcpListener, &Watch)) -> (Relief, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Bounds `accept`, so that a second thread that sends nothing fails the test.
        set_socket_timeout(&listener, Timeout::Recv, Some(Duration::from_secs(10))).unwrap();
        let options = Options {
            start: Instant::now(),
            ..Options::to(listener.local_addr().unwrap())
        };
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
                first(&shared, &listener, &watch);
                drop(shift);
                second.join().unwrap()
            });
            let mut sender = shared.into_inner().unwrap();
            let sent = sender.tally.lag.len();
            sender.abandon();
            sender.supply.close();
            (relief, sent)
        })
    }

    /// A first thread that does nothing more is relieved of everything that is due.
    #[test]
    fn what_the_first_thread_does_not_send_the_second_does() {
        let (relief, sent) = relieved(|_, listener, watch| {
            watch.post(Some(0));
            for _ in 0..SHOTS {
                listener.accept().unwrap();
            }
        });
        assert_eq!((relief.sent, sent), (SHOTS, SHOTS));
    }

    /// A first thread that is at work is left alone, however late it is, and not watched all the time.
    #[test]
    fn a_first_thread_at_work_is_not_disturbed() {
        let (relief, sent) = relieved(|shared, _, watch| {
            let _at_work = shared.lock().unwrap();
            watch.post(Some(0));
            thread::sleep(Duration::from_millis(100));
            watch.change(OVER);
        });
        assert_eq!((relief.sent, sent), (0, 0));
        assert!(relief.cpu_ns < 50_000_000, "{relief:?}");
    }

    /// Nothing is sent unless something is due.
    #[test]
    fn a_watch_without_a_due_time_sends_nothing() {
        let (relief, sent) = relieved(|_, _, _| thread::sleep(Duration::from_millis(3)));
        assert_eq!((relief.sent, sent), (0, 0));
    }

    /// Nothing is sent after a stop.
    #[test]
    fn a_run_that_is_stopped_is_not_relieved() {
        let (relief, sent) = relieved(|shared, _, watch| {
            let sender = shared.lock().unwrap();
            sender.control.stop();
            watch.post(Some(0));
            drop(sender);
            thread::sleep(Duration::from_millis(3));
        });
        assert_eq!((relief.sent, sent), (0, 0));
    }

    /// The second thread may say what is due next after the first has gone.
    #[test]
    fn what_is_over_stays_over() {
        let watch = Watch::default();
        watch.post(Some(1));
        drop(watch.by(thread::current()));
        watch.post(None);
        watch.post(Some(2));
        assert_eq!(watch.due.into_inner(), OVER);
    }
}
