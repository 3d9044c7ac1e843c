//! When a write is durable: one writer, one commit at a time, and whoever waits shares the next.

use std::time::Duration;

use tally_model::Instant;

/// The writer of the embedded store.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Disk {
    /// The commit that was begun or is next: from, to.
    last: (Instant, Instant),
}

impl Disk {
    /// When a write that is asked for now is durable, if a commit takes `commit`.
    pub(crate) fn write(&mut self, now: Instant, commit: Duration) -> Instant {
        let (from, to) = self.last;
        if now < from {
            // The next commit is waiting for the running one; this write still gets on.
            return to;
        }
        let from = now.max(to);
        self.last = (from, from + commit);
        self.last.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes during a commit share the next one, and a writer at rest begins at once.
    #[test]
    fn writes_that_wait_share_a_commit() {
        let mut disk = Disk::default();
        let durable: Vec<u64> = [10, 11, 15, 21, 50]
            .map(|at| disk.write(Instant::from_nanos(at), Duration::from_nanos(10)))
            .map(Instant::as_nanos)
            .to_vec();
        assert_eq!(durable, [20, 30, 30, 40, 60]);
    }
}
