//! SQS servers that others wrote, as processes of the test.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a Python program to start on a busy machine.
const START: Duration = Duration::from_mins(1);

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `moto[server]`, Apache-2.0.
    Moto,
    /// `ministack`, MIT.
    MiniStack,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Moto => "moto_server",
            Self::MiniStack => "ministack",
        }
    }

    /// Listening on the loopback alone.
    fn command(self, program: PathBuf, port: u16) -> Command {
        let mut command = Command::new(program);
        match self {
            Self::Moto => command.args(["-H", "127.0.0.1", "-p", &port.to_string()]),
            Self::MiniStack => command
                .env("BIND_HOST", "127.0.0.1")
                .env("GATEWAY_PORT", port.to_string()),
        };
        command
    }
}

/// A running server; killed with this value.
pub(crate) struct Emulator {
    child: Child,
    port: u16,
}

impl Emulator {
    /// Starts one; `None`, loudly, where it is not installed.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let program = kind.program();
        let Some(path) = installed(program) else {
            eprintln!("SKIPPED: {program} is not installed; run tests/emulators and set TALLY_EMULATORS");
            return None;
        };
        // Free a moment ago; nobody else chooses ports below the ephemeral ones at random.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut command = kind.command(path, port);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut emulator = Self {
            child: child.spawn().unwrap(),
            port,
        };
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "{program} does not listen after {START:?}");
            assert!(emulator.child.try_wait().unwrap().is_none(), "{program} ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(emulator)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is: in the folder of the emulators, or on the path.
fn installed(program: &str) -> Option<PathBuf> {
    let own = std::env::var_os("TALLY_EMULATORS").map(|folder| PathBuf::from(folder).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
