//! The dispatcher: one thread that sends on time and reads in between, and one that stands by.
//!
//! Between sends the first sleeps in `epoll`, which doubles as its timer; shortly before a due time it spins. Meanwhile the
//! state is free, so that the second may send what the first is late for.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::{Clock, thread_cpu};
use crate::inbox::Inbox;
use crate::realtime;
use crate::sender::{Rest, Sender};
use crate::standby::{Relief, Watch, stand_by};
use crate::tally::Tally;
use crate::{Loop, Spin};

/// Runs the schedule of the `index`-th sending thread, which is this one, to its end.
///
/// # Errors
/// When the system gives no second thread or lacks `epoll_pwait2`.
pub(crate) fn dispatch(mut sender: Sender<'_>, index: usize) -> io::Result<Tally> {
    let mut inbox = Inbox::new(Arc::clone(&sender.pool.epoll))?;
    realtime::tighten_timers();
    let options = sender.options;
    sender.tally.realtime = options.realtime && realtime::request_fifo();
    let wanted = options.standby && options.mode == Loop::Open && options.spin != Spin::Off;
    let core = wanted.then(realtime::leave_a_core).flatten();
    let clock = sender.clock;
    let shared = Mutex::new(sender);
    let (effort, relief) = match core {
        None => (drive(&shared, None, &mut inbox, clock), Relief::default()),
        Some(core) => drive_relieved(&shared, core, index, &mut inbox, clock)?,
    };
    let sender = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut tally = sender.tally;
    tally.cpu_ns = effort.cpu_ns + relief.cpu_ns;
    tally.relieved = relief.sent;
    tally.run_delay_ns = effort.run_delay_ns;
    tally.elapsed_ns = clock.now();
    tally.stalled = sender.supply.stalled;
    sender.supply.close();
    Ok(tally)
}

/// What the first thread used from the start of the run on.
struct Effort {
    cpu_ns: u64,
    run_delay_ns: u64,
}

/// Opens the first connections, then waits for the start.
fn warm(sender: &mut Sender<'_>, inbox: &mut Inbox) {
    sender.open_first();
    while sender.is_warming() && !sender.control.stopped() {
        let left = sender.clock.until_start();
        if left < 2_000_000 {
            break;
        }
        inbox.poll(left - 1_000_000);
        sender.handle_events(inbox, None);
    }
    while !sender.control.stopped() && sender.clock.until_start() > 200_000 {
        inbox.poll(sender.clock.until_start() - 100_000);
        sender.handle_events(inbox, None);
    }
    while sender.clock.until_start() > 0 {
        std::hint::spin_loop();
    }
    sender.started = true;
}

/// Drives with a second thread on `core`.
fn drive_relieved(
    shared: &Mutex<Sender<'_>>,
    core: usize,
    index: usize,
    inbox: &mut Inbox,
    clock: Clock,
) -> io::Result<(Effort, Relief)> {
    let watch = Watch::default();
    thread::scope(|scope| {
        let standing_by = thread::Builder::new()
            .name(format!("tally-relief-{index}"))
            .spawn_scoped(scope, || stand_by(core, shared, &watch, clock))?;
        let shift = watch.by(standing_by.thread().clone());
        let effort = drive(shared, Some(&watch), inbox, clock);
        drop(shift);
        let relief = standing_by.join();
        let relief = relief.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((effort, relief))
    })
}

/// Waits for the start, then takes turns until everything is resolved or the run is stopped.
fn drive(shared: &Mutex<Sender<'_>>, watch: Option<&Watch>, inbox: &mut Inbox, clock: Clock) -> Effort {
    let mut sender = lock(shared);
    warm(&mut sender, inbox);
    let (cpu, delay) = (thread_cpu(), realtime::run_delay());
    let post = |sender: &mut Sender<'_>| {
        if let Some(watch) = watch {
            watch.post(sender.next_due());
        }
    };
    while !sender.is_over() {
        if sender.control.stopped() {
            sender.abandon();
            break;
        }
        let rest = sender.turn(inbox);
        if rest != Rest::No {
            post(&mut sender);
            drop(sender);
            let began = clock.now();
            match rest {
                Rest::No => {}
                Rest::Look => inbox.poll(0),
                Rest::Spin(due) => spin_until(clock, due),
                Rest::Sleep(wake) => inbox.poll(wake.saturating_sub(began)),
            }
            sender = lock(shared);
            match rest {
                Rest::No | Rest::Spin(_) => {}
                Rest::Look => sender.read_arrived(inbox),
                Rest::Sleep(wake) => {
                    sender.woke(inbox, began, wake);
                    sender.read_arrived(inbox);
                }
            }
        }
        if let Some(nap) = sender.keep_limits() {
            post(&mut sender);
            drop(sender);
            thread::sleep(Duration::from_nanos(nap));
            sender = lock(shared);
        }
    }
    Effort {
        cpu_ns: thread_cpu() - cpu,
        run_delay_ns: realtime::run_delay().saturating_sub(delay),
    }
}

fn spin_until(clock: Clock, due: u64) {
    while clock.now() < due {
        std::hint::spin_loop();
    }
}

/// The state, unless the other thread panicked with it in hand: then nobody knows which requests it was about to send.
fn lock<'a, 'b>(shared: &'a Mutex<Sender<'b>>) -> MutexGuard<'a, Sender<'b>> {
    match shared.lock() {
        Ok(sender) => sender,
        Err(PoisonError { .. }) => panic!("the thread that stands by panicked"),
    }
}
