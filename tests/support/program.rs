//! The `tally` program as a user has it, with a folder per test for its state, its runs and its temporary files.
//!
//! Whatever a test does, the processes of its folder are gone when the [`Desk`] is dropped. A process belongs to a folder if
//! its standard error is a log in it; no name, port or table of the product is believed for that.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long an event may take before the test gives up; far beyond anything a busy machine needs.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at something that cannot be waited on.
const LOOK: Duration = Duration::from_millis(10);

static TURN: Mutex<()> = Mutex::new(());

/// Tests that start a platform take turns: two dozen processes at a time are enough for two processors.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `look` sees it; `what` is named if it never does.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(LOOK);
    }
}

/// Sends a signal; a process that is gone already is no error.
pub(crate) fn send(process: u32, signal: Signal) {
    let pid = Pid::from_raw(process as i32).unwrap();
    let _ = kill_process(pid, signal);
}

/// A command that ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Fails unless it ended with `code`; both outputs are shown.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "standard output:\n{}\nstandard error:\n{}",
            self.out, self.err
        );
        self
    }

    /// The same of a run, but a machine that was too busy to send in time may make inconclusive what is a pass otherwise:
    /// that the generator tells so is right, and not what the test is about.
    pub(crate) fn expect_of_run(self, code: i32) -> Self {
        if code == 0 && self.is_only_late() {
            self
        } else {
            self.expect(code)
        }
    }

    /// True if the generator was late and nothing else is to be said against the run.
    pub(crate) fn is_only_late(&self) -> bool {
        let alone = self.out.contains("warnings (1)") || self.out.matches("\"remedy\"").count() == 1;
        self.code == 3 && alone && self.out.contains("the generator was late")
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| {
            panic!(
                "not one JSON document ({error}):\n{}\nstandard error:\n{}",
                self.out, self.err
            )
        })
    }
}

/// A command that runs.
pub(crate) struct Job {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Job {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until standard error holds `text`.
    pub(crate) fn says(&mut self, text: &str) {
        let err = self.err.clone();
        until(text, || {
            let said = std::fs::read_to_string(&err).unwrap_or_default();
            if said.contains(text) {
                return Some(());
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "it ended ({ended:?}) without saying `{text}`:\n{said}"
            );
            None
        });
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end. One that was killed by a signal has the code that a shell shows.
    pub(crate) fn wait(mut self) -> Done {
        use std::os::unix::process::ExitStatusExt;
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            std::thread::sleep(LOOK);
        };
        let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let signal = status.signal().map_or(-1, |signal| 128 + signal);
        Done {
            code: status.code().unwrap_or(signal),
            out: read(&self.out),
            err: read(&self.err),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process of the platform that runs in the folder of a test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    /// Its log without `.log`: `supervisor`, `control-plane`, `add-0-worker-0`.
    pub(crate) name: String,
    pub(crate) process: u32,
}

/// Where a test works.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    jobs: std::cell::Cell<u32>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tally-desk-").tempdir().unwrap();
        for name in ["state", "temporary", "jobs"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            jobs: std::cell::Cell::new(0),
        }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file; returns its path as an argument.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Starts `tally ARGUMENTS`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Job {
        self.start_with(arguments, &[])
    }

    /// The same with more environment.
    pub(crate) fn start_with(&self, arguments: &[&str], environment: &[(&str, &Path)]) -> Job {
        let number = self.jobs.replace(self.jobs.get() + 1);
        let (out, err) = (
            self.path(&format!("jobs/{number}.out")),
            self.path(&format!("jobs/{number}.err")),
        );
        let child = Command::new(env!("CARGO_BIN_EXE_tally"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("TALLY_RUNS_DIR")
            .env("TALLY_STATE_DIR", self.path("state"))
            .env("TMPDIR", self.path("temporary"))
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Job { child, out, err }
    }

    /// Runs `tally ARGUMENTS` to its end.
    pub(crate) fn tally(&self, arguments: &[&str]) -> Done {
        self.start(arguments).wait()
    }

    /// Every platform process of this folder, by name.
    pub(crate) fn members(&self) -> Vec<Member> {
        let mut members: Vec<Member> = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let process = entry.file_name().to_str()?.parse().ok()?;
                let log = std::fs::read_link(format!("/proc/{process}/fd/2")).ok()?;
                let name = log.file_name()?.to_str()?.strip_suffix(".log")?.to_owned();
                log.starts_with(self.folder.path())
                    .then_some(Member { name, process })
            })
            .collect();
        members.sort();
        members
    }

    /// Fails unless every process of the platform goes away.
    pub(crate) fn is_deserted(&self) {
        until("the end of every process", || {
            self.members().is_empty().then_some(())
        });
    }

    /// Folders in `name` itself, without links.
    pub(crate) fn directories(&self, name: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path(name)).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().unwrap().is_dir())
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
    }

    /// Files and folders below `name`, none if it does not exist.
    pub(crate) fn files(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.path(name)];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found.sort();
        found
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The supervisor last: while it lives it restarts the control plane, and when it goes the kernel ends the rest.
        for member in self.members() {
            send(member.process, Signal::KILL);
        }
        let end = Instant::now() + PATIENCE;
        while !self.members().is_empty() && Instant::now() < end {
            for member in self.members() {
                send(member.process, Signal::KILL);
            }
            std::thread::sleep(LOOK);
        }
    }
}
