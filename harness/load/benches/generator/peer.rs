//! The usual generators, asked for a constant rate.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// How a generator understands a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// One schedule for all connections.
    Shared,
    /// Each connection keeps its own share of the rate, at its own phase.
    PerConnection,
}

/// A generator to compare with.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) grid: Grid,
    arguments: fn(u64, u64, &str) -> Vec<String>,
}

/// Workers or clients of each peer.
pub(crate) const WORKERS: u64 = 4;

/// Each with the options its manual gives for a constant rate.
pub(crate) const PEERS: [Peer; 3] = [
    Peer {
        name: "hey",
        grid: Grid::PerConnection,
        // -q is per worker.
        arguments: |rate, seconds, url| {
            let share = rate / WORKERS;
            words(&format!("-c {WORKERS} -q {share} -z {seconds}s {url}"))
        },
    },
    Peer {
        name: "oha",
        grid: Grid::Shared,
        arguments: |rate, seconds, url| {
            words(&format!("--no-tui -c {WORKERS} -q {rate} -z {seconds}s {url}"))
        },
    },
    Peer {
        name: "h2load",
        grid: Grid::PerConnection,
        // --rps is per client.
        arguments: |rate, seconds, url| {
            let share = rate / WORKERS;
            words(&format!(
                "--h1 -t 1 -c {WORKERS} --rps {share} -D {seconds} {url}"
            ))
        },
    },
];

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

impl Peer {
    /// Runs it to its end; false if it is not installed.
    pub(crate) fn run(&self, rate: u64, seconds: u64, target: SocketAddr) -> bool {
        let url = format!("http://{target}/");
        let status = Command::new(self.name)
            .args((self.arguments)(rate, seconds, &url))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok()
    }
}
