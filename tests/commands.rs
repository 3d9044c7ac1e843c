//! Every command from the outside: exit codes, one JSON document, errors that name place and remedy, and nothing left.
//!
//! Exit codes that cannot be reached from here: 70 needs a bug of ours. 7 is reached by `status --leaks` alone; that a
//! platform does not stop when it is told to would be a bug as well.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "commands/agents.rs"]
mod agents;
#[path = "commands/checking.rs"]
mod checking;
#[path = "commands/full.rs"]
mod full;
#[path = "commands/life.rs"]
mod life;
#[path = "commands/offline.rs"]
mod offline;
#[path = "commands/policies.rs"]
mod policies;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;
#[path = "commands/replaying.rs"]
mod replaying;
#[path = "commands/signals.rs"]
mod signals;
#[path = "commands/stopping.rs"]
mod stopping;
#[path = "commands/versus.rs"]
mod versus;

/// A second of load on a platform without replicas: the smallest whole run.
pub(crate) const SMALL: &str = r#"
version = 1
name = "small"
title = "The smallest whole run"
seed = 7
phases = { warmup = "100ms", measure = "1s", drain = "60s" }

[platform]
protocol = "none"
scaler = "fixed-1"

[[load]]
name = "listed"
pattern = "constant"
rate = "20/s"
expr = [{ text = "((3+5)*(4/2))", answer = "16" }, { text = "1/(2-2)", answer = "error:div_by_zero" }]

[[expect]]
that = "lost == 0 && wrong == 0 && conflicting == 0 && duplicated == 0"
when = "always"
"#;
