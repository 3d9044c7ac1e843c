//! Ctrl-C: the first ends the load and saves what was seen, the second leaves at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

static SIGNAL: AtomicU8 = AtomicU8::new(0);
static STOP: AtomicBool = AtomicBool::new(false);
/// Folders that go with this process, whatever ends it.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Whether the user wants this to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt;

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
                    if STOP.swap(true, Ordering::AcqRel) {
                        leave(code);
                    }
                    SIGNAL.store(code, Ordering::Release);
                }
            });
        });
        Self
    }

    /// True once a signal came.
    pub(crate) fn is_set(self) -> bool {
        STOP.load(Ordering::Acquire)
    }

    /// The flag itself, for those who wait on it.
    pub(crate) fn flag(self) -> &'static AtomicBool {
        &STOP
    }

    /// How the process should end because of it; none if it was left alone.
    pub(crate) fn exit(self) -> Option<Exit> {
        match SIGNAL.load(Ordering::Acquire) {
            0 => None,
            code if code == Exit::Terminated.code() => Some(Exit::Terminated),
            _ => Some(Exit::Interrupted),
        }
    }

    /// Has a folder removed if the process leaves at once.
    pub(crate) fn owns(self, folder: &Path) {
        FOLDERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(folder.to_owned());
    }
}

/// The platform of this process follows it: the kernel ends the supervisor, and with it everything it started.
fn leave(code: u8) -> ! {
    for folder in FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // Nothing more can be done about a folder that stays.
        let _ = std::fs::remove_dir_all(folder);
    }
    std::process::exit(i32::from(code))
}
