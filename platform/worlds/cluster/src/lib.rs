//! The cluster world: `tally serve ROLE`, one role per pod, on SQS, etcd and Kubernetes.
//!
//! The same role machines under the same driver as in the local world ([`tally_process`]); only the ports differ, and what
//! roles tell each other in passing goes through the metadata store (`hints`). Everything a pod is told stands in its
//! environment and in one mounted file (`Config`); see deploy/.

#![cfg(feature = "client")]

mod adopt;
mod agents;
mod config;
mod control;
mod deployments;
mod hints;
mod live;
mod metrics;
mod node;
mod operator;
mod platform;
mod ports;
mod recording;
mod serving;
mod waits;

pub use agents::{Agents, LOAD};
pub use config::{Config, Role};
pub use live::LiveFact;
pub use operator::Operator;
pub use platform::{Options, Platform, SYSTEM, Sets, WORKERS};
pub use ports::{Pods, Stores};
pub use tally_kubernetes::{AutoscalerFact, DeploymentFact, Machine, PodFact};
pub use tally_process::Error;
pub use waits::waits_of_pods;

/// Runs one role until SIGTERM.
///
/// # Errors
/// A bad environment (every problem at once), or anything that keeps the role from starting.
pub fn serve(role: Role) -> Result<(), Error> {
    let config = Config::from_env(role, &|name| std::env::var(name).ok()).map_err(Error::Config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::system("cannot start a runtime"))?;
    runtime.block_on(async {
        match role {
            Role::Worker | Role::Replica => node::run(config).await,
            Role::Gateway
            | Role::Scheduler
            | Role::Fleet
            | Role::Admin
            | Role::Autoscaler
            | Role::Metrics => control::run(role, config).await,
        }
    })
}
