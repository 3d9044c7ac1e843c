//! Many simulations on several threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

/// `play` of every number below `count`, each on one of so many threads; `heed` gets the results on this thread, in the order in which
/// they are ready. Once it breaks nothing more is begun, and what was begun is heeded all the same.
pub(crate) fn on_threads<R: Send>(
    threads: usize,
    count: u64,
    play: impl Fn(u64) -> R + Sync,
    mut heed: impl FnMut(u64, R) -> ControlFlow<()>,
) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (sender, results) = channel();
        for _ in 0..threads.max(1) {
            let (sender, next, play) = (sender.clone(), &next, &play);
            scope.spawn(move || {
                super::swarm::infect();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || sender.send((number, play(number))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        while let Ok((number, result)) = results.recv() {
            if heed(number, result).is_break() {
                next.store(count, Ordering::Relaxed);
            }
        }
    });
}
