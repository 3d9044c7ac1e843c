//! What a thread may ask of the scheduler so that it wakes on time.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Keeps this thread off one core, which it leaves to another thread; none if it may use only one anyway. Threads that do so one
/// after the other leave different cores, and so do, as a rule, those of different processes.
pub(crate) fn leave_a_core() -> Option<usize> {
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    let mut mine = sched_getaffinity(None).ok()?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| mine.is_set(*core)).collect();
    if cores.len() < 2 {
        return None;
    }
    let nth = std::process::id() as usize + LEFT.fetch_add(1, Ordering::Relaxed);
    let left = cores[nth % cores.len()];
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever leaves a core may not run on it, and has some other.
    #[test]
    fn a_core_that_is_left_is_left() {
        let before = sched_getaffinity(None).unwrap();
        match leave_a_core() {
            None => assert_eq!(before.count(), 1),
            Some(core) => {
                let after = sched_getaffinity(None).unwrap();
                assert!(before.is_set(core) && !after.is_set(core));
                assert_eq!(after.count() + 1, before.count());
                stay_on(core);
                assert!(sched_getaffinity(None).unwrap().is_set(core));
            }
        }
    }
}
