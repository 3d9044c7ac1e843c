//! Flags of `tally serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Which role.
    #[arg(value_enum)]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
}

/// Of `tally serve queue`; the other roles have no use for them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of the queue")]
pub(crate) struct QueueArgs {
    /// Where the queue server listens; port 0 for any.
    #[arg(
        long,
        env = "TALLY_QUEUE_LISTEN",
        default_value = "127.0.0.1:9324",
        value_name = "HOST:PORT"
    )]
    pub(crate) listen: std::net::SocketAddr,
    /// Its file, or a directory for it.
    #[arg(
        long,
        env = "TALLY_QUEUE_DATA",
        default_value = "queue.redb",
        value_name = "PATH"
    )]
    pub(crate) data: PathBuf,
    /// A second address for probes and metrics alone.
    #[arg(long, env = "TALLY_HEALTH", value_name = "HOST:PORT")]
    pub(crate) health: Option<std::net::SocketAddr>,
    /// The longest message, and the longest batch, in bytes; Amazon's limit is the default.
    #[arg(long, env = "TALLY_QUEUE_MESSAGE_BYTES", default_value_t = 1 << 20, value_name = "BYTES")]
    pub(crate) message_bytes: usize,
}

/// Roles that are processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Of the local world.
    Supervisor,
    /// Of the local world: all roles of the control plane.
    ControlPlane,
    /// In a pod.
    Gateway,
    /// In a pod.
    Scheduler,
    /// In a pod.
    Fleet,
    /// In a pod.
    Admin,
    /// In a pod.
    Autoscaler,
    /// In a pod.
    Metrics,
    Worker,
    Replica,
    /// No part of the platform: sends a share of an experiment's load for `tally run --agents`.
    Agent,
    /// A durable queue server that speaks the JSON protocol of SQS.
    Queue,
}
