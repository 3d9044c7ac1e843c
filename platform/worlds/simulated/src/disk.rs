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

    /// When the commit ends that waits for the running one; none if none waits.
    pub(crate) fn waiting(&self, now: Instant) -> Option<Instant> {
        let (from, to) = self.last;
        (now < from).then_some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A commit that has not begun takes along what comes meanwhile; one that runs, or none, does not.
    #[test]
    fn only_a_commit_that_waits_can_be_joined() {
        let (mut disk, at) = (Disk::default(), Instant::from_nanos);
        let commit = Duration::from_nanos(10);
        disk.write(at(10), commit);
        assert_eq!(disk.waiting(at(15)), None);
        disk.write(at(15), commit);
        assert_eq!(disk.waiting(at(15)), Some(at(30)));
        assert_eq!(disk.waiting(at(20)), None);
    }

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
