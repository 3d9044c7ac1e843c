//! What this machine lets the most privileged thread have: one that does nothing but wait for its deadlines.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Above the generator's own class.
const PRIORITY: u8 = 20;
/// Before its deadline the thread no longer sleeps, as the generator does not either: a core that is awake is on time.
const SPIN: Duration = Duration::from_micros(60);

/// Asks for the highest class of the scheduler for this thread; without the right to it the thread stays as it is.
pub(crate) fn first_in_line() {
    let _ = ThreadPriorityValue::try_from(PRIORITY).map(|value| {
        set_thread_priority_and_policy(
            thread_native_id(),
            ThreadPriority::Crossplatform(value),
            ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo),
        )
    });
}

/// Microseconds by which each of so many deadlines was missed, in order. No single thread on this machine, now, is less late.
pub(crate) fn lags(rate: u64, seconds: u64) -> Vec<f64> {
    let waiting = std::thread::spawn(move || {
        first_in_line();
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let gap = Duration::from_nanos(1_000_000_000 / rate);
        let start = Instant::now() + Duration::from_millis(100);
        let late = |n: u64| {
            let due = start + gap * n as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()).saturating_sub(SPIN));
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            due.elapsed().as_nanos() as f64 / 1e3
        };
        (0..rate * seconds).map(late).collect::<Vec<_>>()
    });
    let mut lags = waiting.join().unwrap();
    lags.sort_by(f64::total_cmp);
    lags
}
