//! One child process: started with a configuration line, heard once, waited for.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::announce::Announcement;

/// A started child.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: u32,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts `tally serve ROLE`, this very program, with `config` on its standard input and its log appended to `log`.
    pub(super) async fn start(role: &str, config: &impl Serialize, log: &Path) -> std::io::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", role])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let missing = || std::io::Error::other("a child without pipes");
        let mut line = serde_json::to_vec(config)?;
        line.push(b'\n');
        let mut input = child.stdin.take().ok_or_else(missing)?;
        input.write_all(&line).await?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let id = child.id().ok_or_else(missing)?;
        Ok(Self { id, child, output })
    }

    /// Waits until it says where it listens; none if it ended without.
    pub(super) async fn announced(&mut self) -> Option<Announcement> {
        let mut line = String::new();
        self.output.read_line(&mut line).await.ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Waits for its end and says how it came.
    pub(super) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("cannot be waited for: {error}"),
        }
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Sends a signal; a process that is gone already is no error.
pub(super) fn signal(process: u32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(process as i32)
        && let Err(error) = rustix::process::kill_process(pid, signal)
    {
        tracing::debug!(process, ?signal, %error, "a signal was not delivered");
    }
}
