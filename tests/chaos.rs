//! Verdicts that cannot be talked into a pass: faults have to have an effect, answers have to be right, records whole.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "chaos/faults.rs"]
mod faults;
#[path = "chaos/planted.rs"]
mod planted;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;
