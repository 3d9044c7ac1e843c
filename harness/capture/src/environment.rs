//! `env.json`: the machine and the program that made a run. Only facts about hardware and build, nothing of the user's.

use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::record::SCHEMA_VERSION;

/// What could change a measurement without changing the experiment. Unknown facts are none, never guesses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub tally: String,
    /// Commit of the checkout the run was started in.
    pub commit: Option<String>,
    /// True if that checkout had changes.
    pub modified: Option<bool>,
    /// `rustc --version`.
    pub rustc: Option<String>,
    /// `debug` or `release`.
    pub profile: String,
    /// `Linux 6.12.1`.
    pub kernel: Option<String>,
    /// Processor model.
    pub cpu: Option<String>,
    /// Logical processors this process may use.
    pub cores: usize,
    /// Physical memory in bytes.
    pub memory: Option<u64>,
    /// Frequency governor of the first processor.
    pub governor: Option<String>,
    /// Load averages over 1, 5 and 15 minutes when the run began.
    pub load_before: Option<[f64; 3]>,
    /// The same when it ended.
    pub load_after: Option<[f64; 3]>,
}

impl Environment {
    /// Looks at this machine. `profile` is what the caller was built as.
    pub fn observe(profile: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tally: env!("CARGO_PKG_VERSION").into(),
            commit: output("git", &["rev-parse", "HEAD"]),
            modified: output("git", &["status", "--porcelain", "--untracked-files=no"])
                .map(|text| !text.is_empty()),
            rustc: output("rustc", &["--version"]),
            profile: profile.into(),
            kernel: read("/proc/sys/kernel/osrelease").map(|release| format!("Linux {release}")),
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: field("/proc/meminfo", "MemTotal")
                .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
                .map(|kib| kib * 1024),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            load_before: load_average(),
            load_after: None,
        }
    }
}

/// The load averages over 1, 5 and 15 minutes.
pub fn load_average() -> Option<[f64; 3]> {
    let text = read("/proc/loadavg")?;
    let mut parts = text.split_whitespace().map(str::parse);
    let mut next = || parts.next()?.ok();
    Some([next()?, next()?, next()?])
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read(path)?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
