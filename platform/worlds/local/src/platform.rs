//! A platform of our own: started as a child, stopped with everything it made.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tally_model::PlatformConfig;

use crate::announce::Announcement;
use crate::config::SupervisorConfig;
use crate::made_with::MadeWith;
use crate::state::State;

/// How long a stopped supervisor may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Any port of loopback.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How to start a platform.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its files; created if missing. Files that are there must be of a platform with the same protocol, suite and size: it goes on
    /// where that one ended.
    pub data: PathBuf,
    /// The platform.
    pub platform: PlatformConfig,
    /// Where the gateway listens; none for any port of loopback.
    pub http: Option<SocketAddr>,
    /// Leave it running when this process ends.
    pub daemon: bool,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// Why there is no platform.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It did not come up.
    #[error("the platform did not come up: {reason}; its logs are in {logs}", logs = .logs.display())]
    Start {
        /// Why not, as far as is known.
        reason: String,
        /// Where its logs are.
        logs: PathBuf,
    },
    /// Its files are those of a platform of another kind.
    #[error("{} holds the files of a platform {}; this one has {wanted}", .data.display(), made_with(.made.as_ref()))]
    MadeOtherwise {
        /// Its files.
        data: PathBuf,
        /// What they were made with; none if nothing there says so.
        made: Option<MadeWith>,
        /// What was asked for.
        wanted: MadeWith,
    },
    /// It did not go away.
    #[error("the platform did not stop within {0:?}; it was killed")]
    Stop(Duration),
}

fn made_with(made: Option<&MadeWith>) -> String {
    made.map_or_else(
        || "that does not say what it was made with".to_owned(),
        |made| format!("that was made with {made}"),
    )
}

pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::System { what, source }
}

/// A running platform. Stops when dropped, unless it is a daemon.
#[derive(Debug)]
pub struct Platform {
    state: State,
    child: Option<Child>,
    options: Options,
}

impl Platform {
    /// Starts a supervisor and waits until the gateway listens. Call it on a thread that lives as long as the platform
    /// should: the kernel ends the supervisor when that thread ends (except a daemon).
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start(options: &Options) -> Result<Self, Error> {
        let http = options.http.unwrap_or(ANYWHERE);
        let (child, state) = launch(options, http, ANYWHERE)?;
        Ok(Self {
            state,
            child: Some(child),
            options: options.clone(),
        })
    }

    /// Starts another supervisor in the place of one that ended by itself: same files, same addresses. What was accepted is on
    /// disk, so it is answered. Does nothing while the supervisor runs; returns how the old one ended if it did not.
    ///
    /// # Errors
    /// See [`Error`]; it may be tried again.
    pub fn revive(&mut self) -> Result<Option<String>, Error> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let ended = match child.try_wait() {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => status.to_string(),
            Err(error) => return Err(system("cannot wait for the supervisor")(error)),
        };
        let (child, state) = launch(&self.options, self.state.http, self.state.supervisor)?;
        self.child = Some(child);
        self.state = state;
        Ok(Some(ended))
    }

    /// Where it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Stops it and waits until every process is gone.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        terminate(child.id());
        let until = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < until {
            match child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(system("cannot wait for the supervisor")(error)),
            }
        }
        // Its children follow it: the kernel kills them.
        let _ = child.kill();
        let _ = child.wait();
        Err(Error::Stop(STOP_TIMEOUT))
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if !self.options.daemon
            && let Err(error) = self.end()
        {
            tracing::error!(%error, "the platform was not stopped cleanly");
        }
    }
}

/// One supervisor with its platform, up.
fn launch(options: &Options, http: SocketAddr, grpc: SocketAddr) -> Result<(Child, State), Error> {
    MadeWith::of(&options.platform).claim(&options.data)?;
    let logs = options.data.join("logs");
    std::fs::create_dir_all(&logs).map_err(system(format!("cannot create {}", logs.display())))?;
    let mut child = spawn(options, &logs, http, grpc)?;
    let announced = announced(&mut child, options.timeout).and_then(|announcement| {
        let http = announcement.http.ok_or("its gateway has no address")?;
        Ok((announcement.grpc, http))
    });
    match announced {
        Ok((supervisor, http)) => {
            let state = State {
                http,
                supervisor,
                process: child.id(),
                data: options.data.clone(),
            };
            Ok((child, state))
        }
        Err(reason) => {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            Err(Error::Start { reason, logs })
        }
    }
}

fn terminate(process: u32) {
    if let Some(pid) = rustix::process::Pid::from_raw(process as i32) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

fn spawn(
    options: &Options,
    logs: &std::path::Path,
    http: SocketAddr,
    grpc: SocketAddr,
) -> Result<Child, Error> {
    let log = logs.join("supervisor.log");
    let log_file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(system(format!("cannot write {}", log.display())))?;
    let program = std::env::current_exe().map_err(system("cannot find this program"))?;
    let mut child = Command::new(program)
        .args(["serve", "supervisor"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .process_group(0)
        .spawn()
        .map_err(system("cannot start the supervisor"))?;
    let config = SupervisorConfig {
        data: options.data.clone(),
        platform: options.platform.clone(),
        http,
        grpc,
        parent: (!options.daemon).then(std::process::id),
    };
    let mut line = serde_json::to_vec(&config).map_err(|error| Error::Start {
        reason: format!("its configuration cannot be written: {error}"),
        logs: logs.to_owned(),
    })?;
    line.push(b'\n');
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(&line)
            .map_err(system("cannot configure the supervisor"))?;
    }
    Ok(child)
}

/// Waits for the announcement line on a thread of its own, because reading a pipe has no time limit.
fn announced(child: &mut Child, timeout: Duration) -> Result<Announcement, String> {
    let output = child.stdout.take().ok_or("it has no standard output")?;
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let _ = sender.send(read.map(|_| line));
    });
    match receiver.recv_timeout(timeout) {
        Ok(Ok(line)) if line.is_empty() => Err("it ended".into()),
        Ok(Ok(line)) => serde_json::from_str(&line).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {timeout:?}")),
    }
}
