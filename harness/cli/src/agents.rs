//! Agents: processes that each send one share of a plan and tell the harness everything, as it happens.
//!
//! ```text
//! harness  --orders, one line of JSON each-->  standard input of `tally serve agent`
//!          <--frames: what was sent, heard--   its standard output
//! ```
//!
//! The pipes are those of a child on this machine, or of a pod through the Kubernetes API. What an agent tells goes into the same
//! recorder that hears of the harness's own sending, so a run by agents is recorded like any other. Agents send at the
//! times of the plan from one common zero; nothing that comes back changes what they send.

mod agent;
mod crew;
#[cfg(test)]
mod exact;
mod member;
mod message;
mod outbox;
mod seats;
mod wanted;

pub(crate) use agent::serve;
pub(crate) use crew::{Brief, Crew};
#[cfg(test)]
pub(crate) use exact::empty as empty_report;
pub(crate) use seats::Seats;

/// Who sends the load instead of the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agents {
    /// How many, at most [`AGENTS_MAX`].
    pub(crate) count: u32,
    /// As Jobs on the cluster, not as children of this process.
    pub(crate) in_cluster: bool,
}

/// Agents of one run at most; the quota of deploy/base/quotas.yaml has room for as many.
pub const AGENTS_MAX: u32 = 32;
