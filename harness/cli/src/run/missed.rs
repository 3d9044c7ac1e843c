//! Answers that may have been missed: they are asked for beside those who listen, because there is more to hear meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// What was missed, and who is to ask for it.
#[derive(Debug)]
pub(super) struct Missed {
    /// None once nobody asks any more.
    wake: Mutex<Option<SyncSender<()>>>,
    dropped: AtomicU64,
}

/// The other end: for the thread that asks.
#[derive(Debug)]
pub(super) struct Wakeups(Receiver<()>);

impl Missed {
    pub(super) fn new() -> (Self, Wakeups) {
        let (wake, woken) = sync_channel(1);
        let missed = Self {
            wake: Mutex::new(Some(wake)),
            dropped: AtomicU64::new(0),
        };
        (missed, Wakeups(woken))
    }

    /// Something may have been missed; so many answers are known to be. Returns at once.
    pub(super) fn tell(&self, dropped: u64) {
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        if let Some(wake) = self.wake.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // If a wake-up waits already, this is asked for with it.
            let _ = wake.try_send(());
        }
    }

    /// Nothing more will be missed.
    pub(super) fn close(&self) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Answers that are known to have been dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Wakeups {
    /// Asks whenever something was missed, until [`Missed::close`].
    pub(super) fn each(self, mut ask: impl FnMut()) {
        while self.0.recv().is_ok() {
            ask();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Who tells does not wait for who asks; what is told meanwhile is asked for once more, not as often as it was told.
    #[test]
    fn what_is_missed_meanwhile_is_asked_for_together() {
        let (missed, wakeups) = Missed::new();
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let asked = std::thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let mut asked = 0;
                wakeups.each(|| {
                    asked += 1;
                    begun.send(()).unwrap();
                    let _ = may_go_on.recv();
                });
                asked
            });
            missed.tell(3);
            has_begun.recv().unwrap();
            // The first question is under way, and held.
            for _ in 0..10 {
                missed.tell(1);
            }
            go_on.send(()).unwrap();
            has_begun.recv().unwrap();
            drop(go_on);
            missed.close();
            asking.join().unwrap()
        });
        assert_eq!((asked, missed.dropped()), (2, 13));
        missed.tell(1);
        assert_eq!(missed.dropped(), 14, "told too late, and counted");
    }
}
