//! Faults with proof: set up, inject, confirm the effect, recover, confirm the recovery, clean up.
//!
//! A fault lasts a given time and heals itself even if the harness is gone (the supervisor sees to that); here it is aimed,
//! triggered, and watched. What cannot be confirmed is said, and makes a run inconclusive.

#[cfg(feature = "cluster")]
mod cluster;
mod fault;
mod field;
mod ledger;
mod local;
mod schedule;

#[cfg(feature = "cluster")]
pub use cluster::ClusterFault;
pub use fault::{Fault, Order, Problem, play};
pub use field::{Field, Victim, choose};
pub use ledger::{Answered, explain};
pub use local::{LocalFault, LocalField};
pub use schedule::{Planned, run};
