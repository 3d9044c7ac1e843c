//! PBFT against a network that is out to break it: deterministic, seeded, with invariants after every step.
//!
//! A failure names its seed; the same seed gives the same run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test world: what goes wrong in it is a failed test"
)]

mod cast;
mod ink;
mod invariants;
mod outlook;
mod rng;
mod scenarios;
mod world;
