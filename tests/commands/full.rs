//! A disk that takes no more while a trial is recorded. A limit on the size of files stands in for it: `write` fails all the same.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::SMALL;
use super::program::{Desk, turn};

/// `tally run small.toml`, which is told by an error and not by a signal that a file is too large, and may write none above
/// `kib` KiB.
fn limited(desk: &Desk, kib: Option<u32>, flags: &[&str]) -> Command {
    let file = desk.write("small.toml", SMALL);
    // In units of 512 bytes.
    let limit = kib.map_or_else(String::new, |kib| format!("ulimit -f {};", kib * 2));
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("trap '' XFSZ; {limit} exec \"$0\" run \"$@\"")])
        .args([env!("CARGO_BIN_EXE_tally"), &file])
        .args(flags)
        .current_dir(desk.path(""))
        .env("TALLY_STATE_DIR", desk.path("state"))
        .env("TMPDIR", desk.path("temporary"))
        .stdin(Stdio::null());
    command
}

/// Plan and settings fit, what happens does not: the environment's fault, not that of a platform that did not come up.
#[test]
fn a_simulated_trial_that_cannot_be_recorded_ends_with_5() {
    let desk = Desk::new();
    let flags = ["--target", "sim", "--set", "platform.protocol=pbft"];
    let done = limited(&desk, Some(8), &flags).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(5), "{told}");
    assert!(told.contains("the trial could not be recorded"), "{told}");
}

/// The same of processes, where the disk is full in the middle of the load; the platform is stopped.
#[test]
fn a_trial_whose_disk_is_full_ends_with_5_and_leaves_nothing() {
    let _turn = turn();
    let desk = Desk::new();
    let mut job = limited(&desk, None, &["--set", "phases.measure=3s"])
        .stdout(Stdio::null())
        // A pipe has no size.
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(job.stderr.take().unwrap()).lines();
    let begun = lines.by_ref().any(|line| line.unwrap().contains("load "));
    assert!(begun, "the load did not begin");
    // Of the harness alone: what its platform writes is not limited.
    let none = Rlimit {
        current: Some(16),
        maximum: None,
    };
    prlimit(Pid::from_raw(job.id() as i32), Resource::Fsize, none).unwrap();
    let told: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(job.wait().unwrap().code(), Some(5), "{told:#?}");
    let named = told
        .iter()
        .any(|line| line.contains("the trial could not be recorded"));
    assert!(named, "{told:#?}");
    desk.is_deserted();
}
