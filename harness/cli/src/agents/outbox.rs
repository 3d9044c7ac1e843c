//! The agent's way out: frames leave on a thread of their own, in order, counted and hashed.

use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::message::{Frame, Note};

/// Frames that may wait; with certificates each has a few KiB.
const WAITING: usize = 16_384;
/// Silence that is broken by a sign of life.
const BEAT: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Outbox {
    frames: SyncSender<Vec<u8>>,
    /// The longest that somebody waited for room, in nanoseconds.
    held: Arc<AtomicU64>,
    writing: JoinHandle<()>,
}

impl Outbox {
    /// Frames leave through `to`.
    pub(super) fn new(to: impl Write + Send + 'static) -> Self {
        let (frames, waiting) = sync_channel(WAITING);
        let held = Arc::new(AtomicU64::new(0));
        let longest = Arc::clone(&held);
        let writing = std::thread::spawn(move || {
            // Nobody who reads: the harness is gone, and with it the orders, which ends this process.
            let _ = write(&waiting, BufWriter::with_capacity(1 << 18, to), &longest);
        });
        Self {
            frames,
            held,
            writing,
        }
    }

    /// Sends a frame; waits if too many wait already.
    pub(super) fn tell(&self, frame: &Frame) {
        if let Err(TrySendError::Full(bytes)) = self.frames.try_send(frame.bytes()) {
            let since = Instant::now();
            // A writer that is gone has nobody to write to.
            let _ = self.frames.send(bytes);
            let waited = since.elapsed().as_nanos() as u64;
            self.held.fetch_max(waited, Ordering::AcqRel);
        }
    }

    pub(super) fn note(&self, note: Note) {
        self.tell(&Frame::Note(note));
    }

    /// Sends what waits and the last frame.
    pub(super) fn close(self) {
        drop(self.frames);
        let _ = self.writing.join();
    }
}

/// What the receiving side checks the last frame against.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) frames: u64,
    hasher: blake3::Hasher,
}

impl Seen {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.frames += 1;
        self.hasher.update(bytes);
    }

    pub(super) fn hash(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

fn write(waiting: &Receiver<Vec<u8>>, mut to: impl Write, held: &AtomicU64) -> std::io::Result<()> {
    let mut seen = Seen::default();
    let mut put = |to: &mut dyn Write, bytes: &[u8]| {
        seen.add(bytes);
        to.write_all(bytes)
    };
    loop {
        let next = match waiting.try_recv() {
            Err(TryRecvError::Empty) => {
                to.flush()?;
                waiting.recv_timeout(BEAT)
            }
            Ok(bytes) => Ok(bytes),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(bytes) => put(&mut to, &bytes)?,
            Err(RecvTimeoutError::Timeout) => put(&mut to, &Frame::Note(Note::Alive).bytes())?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let done = Note::Done {
        frames: seen.frames,
        hash: seen.hash(),
        held: held.load(Ordering::Acquire),
    };
    to.write_all(&Frame::Note(done).bytes())?;
    to.flush()
}
