//! Ctrl-C: the first ends the load and saves what was seen, the second leaves at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

/// What signals did to this process, and what goes with it.
#[derive(Debug)]
struct Shared {
    /// The exit code that the last signal asked for; 0 for none.
    code: AtomicU8,
    stop: AtomicBool,
    /// What goes with this process if it leaves at once.
    owned: Mutex<Vec<PathBuf>>,
}

static SHARED: Shared = Shared {
    code: AtomicU8::new(0),
    stop: AtomicBool::new(false),
    owned: Mutex::new(Vec::new()),
};
/// How long a file may take to go.
const REMOVE: Duration = Duration::from_secs(1);

/// Whether the user wants this to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt {
    shared: &'static Shared,
}

impl Interrupt {
    /// Begins to listen for SIGINT and SIGTERM; once per process.
    pub(crate) fn listen() -> Self {
        std::thread::spawn(|| {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                let (Ok(mut interrupt), Ok(mut terminate)) =
                    (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
                else {
                    return;
                };
                loop {
                    let code = tokio::select! {
                        _ = interrupt.recv() => Exit::Interrupted.code(),
                        _ = terminate.recv() => Exit::Terminated.code(),
                    };
                    if SHARED.stop.swap(true, Ordering::AcqRel) {
                        leave(code);
                    }
                    SHARED.code.store(code, Ordering::Release);
                }
            });
        });
        Self { shared: &SHARED }
    }

    /// True once a signal came.
    pub(crate) fn is_set(self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// The flag itself, for those who wait on it.
    pub(crate) fn flag(self) -> &'static AtomicBool {
        &self.shared.stop
    }

    /// How the process should end because of it; none if it was left alone.
    pub(crate) fn exit(self) -> Option<Exit> {
        match self.shared.code.load(Ordering::Acquire) {
            0 => None,
            code if code == Exit::Terminated.code() => Some(Exit::Terminated),
            _ => Some(Exit::Interrupted),
        }
    }

    /// From now on the first signal is enough to leave at once: nothing is recorded that could be saved.
    pub(crate) fn leaves_at_once(self) -> Self {
        self.shared.stop.store(true, Ordering::Release);
        self
    }

    /// Has a file or folder removed if the process leaves at once.
    pub(crate) fn owns(self, path: &Path) {
        self.shared
            .owned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(path.to_owned());
    }
}

/// The platform goes with its supervisor, and the supervisor before what it writes to.
fn leave(code: u8) -> ! {
    for child in children() {
        let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
    }
    for path in SHARED
        .owned
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        let until = Instant::now() + REMOVE;
        // The last of its processes may still be creating files.
        while remove(&path).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    std::process::exit(i32::from(code))
}

fn remove(path: &Path) -> std::io::Result<()> {
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    removed.or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// Processes that the main thread started. A kernel that does not list them ends them with this process all the same.
fn children() -> Vec<rustix::process::Pid> {
    let own = std::process::id();
    let listed = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    let numbers = listed.split_whitespace().filter_map(|number| number.parse().ok());
    numbers.filter_map(rustix::process::Pid::from_raw).collect()
}
