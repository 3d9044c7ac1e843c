//! Cleans up after a process however it ends.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A command that runs when this value is dropped, or when the process that holds it is gone: after a panic, Ctrl-C or SIGKILL alike.
///
/// It is a shell that waits for the end of its standard input, whose only writer is this process. It has a process group of its own,
/// so that Ctrl-C in a terminal does not reach it.
#[derive(Debug)]
pub struct Keeper {
    shell: Child,
    line: Option<ChildStdin>,
}

impl Keeper {
    /// Arms the keeper with `program` and its arguments.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn arm<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[S]) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", "cat >/dev/null; exec \"$@\"", "keeper"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            // Whoever reads our own output may be gone by then, and writing to nobody would end it half way.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let line = shell.stdin.take();
        Ok(Self { shell, line })
    }
}

impl Drop for Keeper {
    /// Runs the command and waits for it.
    fn drop(&mut self) {
        drop(self.line.take());
        let ended = self.shell.wait();
        let is_clean = ended.as_ref().is_ok_and(ExitStatus::success);
        // What is left behind fails a test; one that is failing already has its own reason.
        assert!(
            is_clean || std::thread::panicking(),
            "the keeper could not clean up: {ended:?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn armed(file: &Path) -> Keeper {
        std::fs::write(file, "").unwrap();
        Keeper::arm("rm", &[file]).unwrap()
    }

    /// It runs when the guard goes, not before, and has run when the drop returns.
    #[test]
    fn it_cleans_up_on_drop() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("thing");
        let keeper = armed(&file);
        assert!(file.exists());
        drop(keeper);
        assert!(!file.exists());
    }

    /// It may say what it likes.
    #[test]
    fn it_needs_nobody_to_listen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("thing");
        std::fs::write(&file, "").unwrap();
        let script = "echo one >&2 && echo two && readlink /proc/self/fd/2 | grep -q null && rm \"$1\"";
        let arguments = ["-c".as_ref(), script.as_ref(), "sh".as_ref(), file.as_os_str()];
        drop(Keeper::arm("sh", &arguments).unwrap());
        assert!(!file.exists());
    }

    /// Ctrl-C goes to the process group of the terminal's foreground; the keeper is in one of its own, so it outlives what it keeps for.
    #[test]
    fn ctrl_c_in_a_terminal_does_not_reach_it() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = armed(&folder.path().join("thing"));
        let group = |process: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
            let after_name = stat.rsplit(')').next().unwrap().to_owned();
            after_name
                .split_whitespace()
                .nth(2)
                .unwrap()
                .parse::<u32>()
                .unwrap()
        };
        assert_eq!(group(keeper.shell.id()), keeper.shell.id());
        assert_ne!(group(std::process::id()), keeper.shell.id());
    }

    /// A panic unwinds through the guard.
    #[test]
    fn it_cleans_up_after_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("thing");
        let panicked = std::panic::catch_unwind(|| {
            let _keeper = armed(&file);
            panic!("as a test may");
        });
        assert!(panicked.is_err());
        assert!(!file.exists());
    }
}
