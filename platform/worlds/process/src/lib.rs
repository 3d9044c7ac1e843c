//! Roles as processes: the glue between a machine, the one driver and the ports.
//!
//! A world chooses the ports ([`World`]), where a process listens, and which roles share it; everything else about a role
//! is here, so that the local world and the cluster run the same code. A [`Room`] is what every role's glue needs.

pub mod admin;
pub mod autoscaler;
mod error;
pub mod fleet;
pub mod gateway;
mod history;
mod memory;
pub mod node;
mod room;
pub mod scheduler;
pub mod status;

pub use error::Error;
pub use history::History;
pub use memory::{peak_bytes_of, resident_bytes, resident_bytes_of};
pub use room::{Observer, Room, World, cluster_bytes, until_terminated};
