//! Transport, health and cluster service over gRPC.
//!
//! * [`Streams`]: the [`tally_ports::Transport`], one long-lived bidirectional stream per pair of nodes;
//! * [`NodeServer`]: what every worker and replica serves;
//! * [`Probe`]: asks a node for its health and its identity;
//! * [`ClusterClient`] and [`ClusterServer`]: the report's eight calls on both sides of the wire;
//! * [`incoming()`]: the connections that any server of ours takes.

mod cluster_client;
mod cluster_server;
mod convert;
mod error;
mod incoming;
mod node;
mod peers;
mod probe;
mod scheduler;
mod streams;

pub use cluster_client::ClusterClient;
pub use cluster_server::{ClusterServer, PodSource};
pub use convert::{pod_from_wire, pod_to_wire};
pub use error::Error;
pub use incoming::incoming;
pub use node::{Identity, NodeServer};
pub use probe::{Description, Health, Probe};
pub use scheduler::{SchedulerServer, TriggerParsing};
pub use streams::{StreamEvent, Streams};
