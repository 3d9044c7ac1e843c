//! What each process is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tally_model::{NodeId, PlatformConfig};
use tally_process::Error;

/// For the supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisorConfig {
    /// Where the platform keeps its files; exists and is empty or of an earlier run of the same platform.
    pub data: PathBuf,
    /// The platform.
    pub platform: PlatformConfig,
    /// Where the gateway listens; port 0 for any.
    pub http: SocketAddr,
    /// Where the supervisor's own services listen; port 0 for any.
    pub grpc: SocketAddr,
    /// The process that started it and that it ends with; none for a daemon.
    pub parent: Option<u32>,
}

/// For the control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPlaneConfig {
    /// See [`SupervisorConfig::data`].
    pub data: PathBuf,
    /// The platform.
    pub platform: PlatformConfig,
    /// Where the gateway listens; fixed after the first start, so that clients find it again.
    pub http: SocketAddr,
    /// Where the gRPC services listen; likewise.
    pub grpc: SocketAddr,
    /// Where the supervisor's cluster service listens.
    pub supervisor: SocketAddr,
    /// Name of this platform, part of everything signed: 32 hexadecimal digits.
    pub cluster: String,
    /// The supervisor, which it ends with.
    pub parent: u32,
}

/// What all pods of a platform are told: the `config` of a `PodSpec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodConfig {
    /// The platform.
    pub platform: PlatformConfig,
    /// See [`ControlPlaneConfig::cluster`].
    pub cluster: String,
    /// Where observations are written.
    pub data: PathBuf,
}

/// For a worker or a replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Its place.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// What all pods are told.
    pub pod: PodConfig,
    /// The supervisor, which it ends with.
    pub parent: u32,
}

/// The 16 bytes of a cluster name.
pub(crate) fn cluster_bytes(name: &str) -> Result<[u8; 16], Error> {
    tally_process::cluster_bytes(name).ok_or_else(|| Error::Config(format!("`{name}` is not a cluster name")))
}
