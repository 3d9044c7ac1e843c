//! Every bound of the store in one place.

use std::time::Duration;

use crate::Error;

/// Bytes of a message body. A hundred times the largest request; answers carry the certificates of all their tasks. With short
/// numbers those of the largest expression fit, at 640 bytes a task in `pbft` with four replicas; with numbers of 4,096 bits those of
/// 1,600 tasks do, and a request with more ends in `answer_too_large`.
pub const BODY_LIMIT: usize = 16 << 20;
/// Bytes of a value.
pub const VALUE_LIMIT: usize = 16 << 20;
/// Bytes of a key.
pub const KEY_LIMIT: usize = 1024;
/// Bytes of the file kept in memory.
pub const CACHE: usize = 32 << 20;

/// Writes waiting for the disk are counted in units of this many bytes, at least one each.
pub(crate) const UNIT: usize = 4096;
/// Units that may wait (64 MiB); more writers wait for their turn.
pub(crate) const UNITS: usize = 16 * 1024;
/// How long deletes, receive counts and the sends that nobody waits for wait for a write to ride on. Less than a lease by far:
/// what is lost in a crash is received once more. Measured, requests one after the other: 1.9 to 1.4 ms for three operations
/// on two levels, because an answer no longer finds the writer busy with a task.
pub(crate) const LINGER: Duration = Duration::from_millis(3);
/// Rows up to which a crash is answered by checking the whole file on opening (1.4 s at 100,000 rows of 1.5 kB when
/// measured once, on a busy machine). With more, every commit also writes what makes the check unnecessary. Measured on
/// that machine: 0 to 40 % more time for a commit of 64 writes, 1.5 to 5 times the time for one write alone.
pub(crate) const CHECKED_ROWS: u64 = 20_000;
/// Keys with untold changes that a watch remembers; with more it lists again.
pub(crate) const FEED: usize = 4096;
/// The longest wait of one receive; longer ones return empty and may be repeated.
pub(crate) const WAIT: Duration = Duration::from_hours(1);

/// Refuses what is longer than its limit.
pub(crate) fn at_most(what: &'static str, bytes: usize, limit: usize) -> Result<(), Error> {
    if bytes > limit {
        Err(Error::TooLarge { what, bytes, limit })
    } else {
        Ok(())
    }
}
