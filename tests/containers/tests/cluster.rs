//! A cluster goes with the process that made it, however that ends.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Far beyond what removing two containers takes.
const PATIENCE: Duration = Duration::from_mins(3);

/// Nodes of the cluster that Docker still has.
fn nodes(name: &str) -> String {
    let filter = format!("label=io.x-k8s.kind.cluster={name}");
    let output = Command::new("docker")
        .args(["ps", "-aq", "--filter", &filter])
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The process that holds a cluster is killed with SIGKILL, which runs no destructor: the cluster goes all the same.
#[test]
fn a_cluster_outlives_no_killed_process() {
    if let Some(why) = tally_containers::missing() {
        eprintln!("SKIPPED: {why}: no cluster was made");
        return;
    }
    let image = "tally-etcd:3.4";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kind/etcd/image.sh");
    assert!(
        Command::new(script).arg(image).status().unwrap().success(),
        "the image cannot be built"
    );
    let name = format!("tally-test-{}", std::process::id());
    let mut holder = Command::new(env!("CARGO_BIN_EXE_hold-cluster"))
        .args([&name, image])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if !line.starts_with(&format!("ready kind-{name} 127.0.0.1:")) {
        let _ = holder.kill();
        let ended = holder.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        panic!("it was not ready, but said `{line}` and:\n{said}");
    }
    assert_eq!(nodes(&name).lines().count(), 2);

    holder.kill().unwrap();
    let status = holder.wait().unwrap();
    assert_eq!(status.signal(), Some(9));
    let end = Instant::now() + PATIENCE;
    while !nodes(&name).is_empty() {
        assert!(Instant::now() < end, "the cluster is still there");
        std::thread::sleep(Duration::from_millis(200)); // Docker has no event that says "the last one is gone"
    }
}
