//! The claims of this crate, against tables, properties, and two evaluators that share no code with it.

#![expect(clippy::unwrap_used, reason = "functions that only tests call are tests too")]

mod frontier;
mod generator;
mod naive;
mod oracles;
mod properties;
mod refusals;
mod tables;
