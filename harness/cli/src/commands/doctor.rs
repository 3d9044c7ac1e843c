//! `tally doctor`: what works on this machine, what is missing, and how to get it.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::args::Global;
use crate::exit::Exit;
use crate::output::Output;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Works without, but worse.
    Limited,
    /// The local world does not work without.
    Missing,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    needed_for: &'static str,
    fix: &'static str,
}

/// Looks, and says what is missing.
pub(crate) fn run(global: &Global, output: &Output) -> Exit {
    let findings = [
        processors(),
        load(),
        files(),
        loopback(),
        processes(),
        realtime(),
        disk(&global.runs_dir),
        leftovers(),
        cluster_tools(),
    ];
    for finding in &findings {
        let mark = match finding.state {
            State::Ok => "ok      ",
            State::Limited => "limited ",
            State::Missing => "MISSING ",
        };
        output.line(&format!(
            "{mark}{:<22}{:<33} {}",
            finding.check, finding.found, finding.needed_for
        ));
        if finding.state != State::Ok {
            output.line(&format!("        fix: {}", finding.fix));
        }
    }
    output.document(&findings);
    if findings.iter().any(|finding| finding.state == State::Missing) {
        Exit::Environment
    } else {
        output.note("next: tally demo");
        Exit::Pass
    }
}

fn processors() -> Finding {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Finding {
        check: "processors",
        state: if count >= 2 { State::Ok } else { State::Limited },
        found: count.to_string(),
        needed_for: "load and platform beside each other",
        fix: "use a machine with two; on one, only `delay` work gives meaningful scaling",
    }
}

fn load() -> Finding {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let load = tally_capture::load_average().map_or(0.0, |load| load[0]);
    Finding {
        check: "load average",
        state: if load <= count * 0.5 {
            State::Ok
        } else {
            State::Limited
        },
        found: format!("{load:.2}"),
        needed_for: "latencies that mean the platform",
        fix: "close other programs; runs on a busy machine may come out inconclusive",
    }
}

fn files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    Finding {
        check: "open files",
        state: if limit.is_none_or(|limit| limit >= 4_096) {
            State::Ok
        } else {
            State::Limited
        },
        found: limit.map_or("unlimited".to_owned(), |limit| limit.to_string()),
        needed_for: "thousands of connections",
        fix: "ulimit -n 16384",
    }
}

fn loopback() -> Finding {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Finding {
        check: "loopback",
        state: if bound.is_ok() { State::Ok } else { State::Missing },
        found: bound.map_or_else(|error| error.to_string(), |_| "ports can be bound".to_owned()),
        needed_for: "everything local",
        fix: "allow this user to bind ports on 127.0.0.1",
    }
}

fn processes() -> Finding {
    let status = std::fs::read_to_string("/proc/self/status").is_ok();
    Finding {
        check: "process table",
        state: if status { State::Ok } else { State::Missing },
        found: if status {
            "/proc is readable"
        } else {
            "/proc is not readable"
        }
        .to_owned(),
        needed_for: "confirming faults, memory",
        fix: "mount /proc; the local world needs Linux",
    }
}

fn realtime() -> Finding {
    let allowed = tally_load::realtime_allowed();
    Finding {
        check: "real-time scheduling",
        state: if allowed { State::Ok } else { State::Limited },
        found: if allowed { "permitted" } else { "not permitted" }.to_owned(),
        needed_for: "send lag below 0.1 ms on a busy machine",
        fix: "run as root, or: setcap cap_sys_nice+ep target/release/tally",
    }
}

fn disk(runs: &Path) -> Finding {
    let place = if runs.exists() { runs } else { Path::new(".") };
    let free = rustix::fs::statvfs(place).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    Finding {
        check: "free disk",
        state: if free > 1 << 30 { State::Ok } else { State::Limited },
        found: format!("{} MiB", free >> 20),
        needed_for: "run directories",
        fix: "remove old runs, or use --runs-dir on another disk",
    }
}

fn leftovers() -> Finding {
    let orphans = super::status::processes().len();
    Finding {
        check: "left-over processes",
        state: if orphans == 0 { State::Ok } else { State::Limited },
        found: orphans.to_string(),
        needed_for: "a quiet machine",
        fix: "tally status --leaks names them; tally down stops a platform that `up` started",
    }
}

/// What `--target kind` needs, and whether it is there. The local world does without, so nothing of it is missing.
const CLUSTER_NEEDS: [(&str, fn() -> bool); 5] = [
    ("docker", || is_on_path("docker")),
    ("a Docker daemon that answers", docker_answers),
    ("kind", || is_on_path("kind")),
    ("kubectl of 1.27 or newer", kubectl_is_new),
    ("protoc (for the image)", || is_on_path("protoc")),
];

fn cluster_tools() -> Finding {
    let absent = CLUSTER_NEEDS.into_iter().filter(|(_, is_there)| !is_there());
    let absent: Vec<&str> = absent.map(|(name, _)| name).collect();
    let (state, found) = judge_cluster(cfg!(feature = "cluster"), &absent);
    Finding {
        check: "Kubernetes",
        state,
        found,
        needed_for: "--target kind and kube",
        fix: "cargo build --release --features cluster; apt-get install protobuf-compiler libprotobuf-dev; deploy/kind/cluster.sh up as root on Debian installs \
              and starts the rest, elsewhere see docs.docker.com, kind.sigs.k8s.io and kubernetes.io/docs/tasks/tools",
    }
}

fn judge_cluster(built: bool, absent: &[&str]) -> (State, String) {
    let missing = (!absent.is_empty()).then(|| format!("missing: {}", absent.join(", ")));
    let unbuilt = (!built).then(|| "not in this build".to_owned());
    let wrong: Vec<String> = [unbuilt, missing].into_iter().flatten().collect();
    if wrong.is_empty() {
        (State::Ok, "docker, kind, kubectl, protoc".to_owned())
    } else {
        (State::Limited, wrong.join("; "))
    }
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether somebody listens at Docker's socket; a daemon that is named by `DOCKER_HOST` is not asked.
fn docker_answers() -> bool {
    std::env::var_os("DOCKER_HOST").is_some() || UnixStream::connect("/var/run/docker.sock").is_ok()
}

/// Whether kubectl knows the kustomize that deploy/ is written for.
fn kubectl_is_new() -> bool {
    let asked = Command::new("kubectl")
        .args(["version", "--client", "--output", "json"])
        .output();
    asked.is_ok_and(|answer| {
        let minor = minor_version(&String::from_utf8_lossy(&answer.stdout));
        minor.is_some_and(|minor| minor >= 27)
    })
}

/// The `y` of a kubectl 1.y; vendors write `27+`.
fn minor_version(json: &str) -> Option<u32> {
    let told: serde_json::Value = serde_json::from_str(json).ok()?;
    let minor = told["clientVersion"]["minor"].as_str()?;
    minor
        .trim_end_matches(|letter: char| !letter.is_ascii_digit())
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: what is missing is named whether or not this build has the adapters, and nothing of it keeps the local world from working.
    #[test]
    fn what_a_cluster_lacks_is_named() {
        for (built, absent, state, found) in [
            (true, &[][..], State::Ok, "docker, kind, kubectl, protoc"),
            (true, &["kind"], State::Limited, "missing: kind"),
            (false, &[], State::Limited, "not in this build"),
            (
                false,
                &["docker", "kind"],
                State::Limited,
                "not in this build; missing: docker, kind",
            ),
        ] {
            assert_eq!(judge_cluster(built, absent), (state, found.to_owned()));
        }
    }

    /// Claim: a kubectl is as old as it says, also where its vendor adds a letter; one that says nothing is none.
    #[test]
    fn the_version_of_kubectl_is_read() {
        for (json, minor) in [
            (r#"{"clientVersion": {"major": "1", "minor": "32"}}"#, Some(32)),
            (r#"{"clientVersion": {"major": "1", "minor": "20+"}}"#, Some(20)),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(minor_version(json), minor, "{json}");
        }
    }
}
