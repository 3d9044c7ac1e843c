//! Every role on one agenda of virtual time: one thread, no runtime, the same machines as everywhere.
//!
//! ```text
//! clients --knock--> gateway -+                    +- workers, replicas (pods)
//!                   scheduler |-- control plane -- link -+
//!                   fleet ... |   ports: queues, store, cluster (pure models)
//! ```
//!
//! A [`World`] plays a [`Timeline`]; time passes only from one entry of the agenda to the next, so an hour takes as long as its
//! events do. Equal options, timelines and faults give equal runs, to the last bit of [`World::trace_hash`].

mod agenda;
mod clients;
mod control;
mod costs;
mod coverage;
mod disk;
mod faults;
mod happening;
mod hearing;
mod invariants;
mod lies;
mod lines;
mod pods;
mod ports;
mod timeline;
mod trace;
mod turns;
mod unwritten;
mod view;
mod watch;
mod weather;
mod wires;
mod world;

/// Two machines with one identity, in every scenario.
pub mod twins;

/// Swarms of worlds, with everything going wrong.
pub mod swarm;

pub use costs::Costs;
pub use coverage::{Coverage, Sometimes};
pub use faults::Missed;
pub use lies::Lie;
pub use tally_substrate::Weather;
pub use timeline::{Missing, Request, Shot, Shots, Sight, Stray, Timeline, Users};
pub use view::{LayerView, Usage, Work};
pub use watch::{Invariant, Last, Oracle, Sent, Verdict, Violation};
pub use weather::PortWeather;
pub use world::{NotReady, Options, World};
