//! What a thread may ask of the scheduler so that it wakes on time.

use std::num::NonZeroU64;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Low among the real-time priorities: above every ordinary thread, below the kernel's own.
const PRIORITY: u8 = 10;

/// Lets timers of this thread fire on time instead of up to 50 us later (the kernel's default slack).
pub(crate) fn tighten_timers() {
    // Without it the thread still works, later; the lag record shows it.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// Asks for `SCHED_FIFO`; whether it was granted.
pub(crate) fn request_fifo() -> bool {
    let Ok(value) = ThreadPriorityValue::try_from(PRIORITY) else {
        return false;
    };
    set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Crossplatform(value),
        ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo),
    )
    .is_ok()
}

/// Keeps this thread, the `index`-th of its kind, off one core that it leaves to another; none if it has only one.
pub(crate) fn leave_a_core(index: usize) -> Option<usize> {
    let mut mine = sched_getaffinity(None).ok()?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| mine.is_set(*core)).collect();
    if cores.len() < 2 {
        return None;
    }
    let left = cores[(2 * index + 1) % cores.len()];
    mine.unset(left);
    sched_setaffinity(None, &mine).ok()?;
    Some(left)
}

/// Keeps this thread on `core`.
pub(crate) fn stay_on(core: usize) {
    let mut only = CpuSet::new();
    only.set(core);
    // Elsewhere it still helps, unless that is where the other one is.
    let _ = sched_setaffinity(None, &only);
}

/// Whether this process may use real-time scheduling; tried on a thread of its own, so that the caller stays as it is.
pub fn realtime_allowed() -> bool {
    std::thread::spawn(request_fifo).join().unwrap_or(false)
}

/// Nanoseconds this thread was ready to run but had no CPU, from `/proc/thread-self/schedstat`; zero if unknown.
pub(crate) fn run_delay() -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
