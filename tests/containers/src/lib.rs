//! Real services and real clusters for tests, in the manner of testcontainers: a value that is the thing, and gone with it.
//!
//! Single services (`services`, feature `docker`) run by the `testcontainers` crate: it finds a free port, waits for a line of the
//! log and removes the container on drop and on signals. A cluster ([`Cluster`]) runs by the `kind` program: two nodes that
//! kubeadm joins are more than a container each, and the crate has no module for them. What the crate does not do, survive SIGKILL,
//! the [`Keeper`] does for the cluster.

mod cluster;
mod keeper;
#[cfg(feature = "docker")]
pub mod services;

pub use cluster::{Cluster, Error};
pub use keeper::Keeper;

/// Why neither containers nor clusters can be had here; `None` if they can. Tests that need them say it and check nothing.
pub fn missing() -> Option<&'static str> {
    let answers = std::process::Command::new("docker").arg("info").output();
    match answers {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("Docker does not answer here"),
        Err(_) => Some("Docker is not installed here"),
    }
}
