//! Ctrl-C: the first ends the load and saves what was seen, the second leaves at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

/// What signals did to this process, and what goes with it.
#[derive(Debug)]
struct Shared {
    /// The exit code that the last signal asked for; 0 for none.
    code: AtomicU8,
    stop: AtomicBool,
    /// The platform is being ended, and this process after it.
    leaving: AtomicBool,
    /// What goes with this process if it leaves at once.
    owned: Mutex<Vec<PathBuf>>,
}

static SHARED: Shared = Shared {
    code: AtomicU8::new(0),
    stop: AtomicBool::new(false),
    leaving: AtomicBool::new(false),
    owned: Mutex::new(Vec::new()),
};
/// How long processes and files may take to go.
const REMOVE: Duration = Duration::from_secs(1);
/// Between two looks at whether they are gone.
const LOOK: Duration = Duration::from_millis(5);

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

    /// True from the moment on at which nothing may be started any more.
    pub(crate) fn is_leaving(self) -> bool {
        self.shared.leaving.load(Ordering::Acquire)
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

/// The platform goes before what it writes to: a process that is still starting would make its folder again.
fn leave(code: u8) -> ! {
    SHARED.leaving.store(true, Ordering::Release);
    let until = Instant::now() + REMOVE;
    let family = stopped_family();
    for &process in &family {
        let _ = kill_process(process, Signal::KILL);
    }
    while family.iter().any(|process| is_alive(*process)) && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
    for path in SHARED
        .owned
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        while remove(&path).is_err() && Instant::now() < until {
            std::thread::sleep(LOOK);
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

/// The supervisors and what they started. They are stopped first, so that they start nothing more.
fn stopped_family() -> Vec<Pid> {
    let supervisors = children(rustix::process::getpid());
    for &supervisor in &supervisors {
        let _ = kill_process(supervisor, Signal::STOP);
    }
    let members: Vec<Pid> = supervisors.iter().copied().flat_map(children).collect();
    supervisors.into_iter().chain(members).collect()
}

/// Processes that the main thread of one started. A kernel that does not list them ends them with this process all the same.
fn children(of: Pid) -> Vec<Pid> {
    let of = of.as_raw_nonzero();
    let listed = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let numbers = listed.split_whitespace().filter_map(|number| number.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// Whether a process can still do anything: one that waits to be reaped cannot.
fn is_alive(process: Pid) -> bool {
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
