//! `tally doctor`: what works on this machine, what is missing, and how to get it.

use std::net::TcpListener;
use std::path::Path;

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
            "{mark}{:<22}{:<34}{}",
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

/// What `--target kind` needs. The local world does without, so nothing of it is missing.
fn cluster_tools() -> Finding {
    let on_path = |program: &&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let absent: Vec<&str> = ["docker", "kind", "kubectl"]
        .into_iter()
        .filter(|program| !on_path(program))
        .collect();
    let (built, missing) = (cfg!(feature = "cluster"), absent.join(", "));
    let (state, found) = match (built, absent.is_empty()) {
        (true, true) => (State::Ok, "docker, kind, kubectl".to_owned()),
        (true, false) => (State::Limited, format!("missing: {missing}")),
        (false, _) => (State::Limited, "not in this build".to_owned()),
    };
    Finding {
        check: "Kubernetes",
        state,
        found,
        needed_for: "--target kind and kube",
        fix: "cargo build --release --features cluster; deploy/kind/cluster.sh up installs the rest on Debian",
    }
}
