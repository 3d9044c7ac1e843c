//! `tally serve ROLE`: one process of the platform.

use tally_local::{serve_control_plane, serve_node, serve_supervisor};
use tally_sqs_server::ServerConfig;

use crate::args::{QueueArgs, Role, Serve};
use crate::exit::Exit;

/// Runs the role until it is told to stop.
pub(crate) fn run(args: &Serve) -> Exit {
    tally_runtime::init_tracing();
    let result = match args.role {
        Role::Supervisor => serve_supervisor().map_err(|error| error.to_string()),
        Role::ControlPlane => serve_control_plane().map_err(|error| error.to_string()),
        Role::Agent => crate::agents::serve(),
        Role::Queue => serve_queue(&args.queue).map_err(|error| error.to_string()),
        // A pod is told everything by its environment, a child of the supervisor by one line on standard input.
        Role::Worker | Role::Replica if std::env::var_os("TALLY_CLUSTER").is_none() => {
            serve_node().map_err(|error| error.to_string())
        }
        Role::Worker
        | Role::Replica
        | Role::Gateway
        | Role::Scheduler
        | Role::Fleet
        | Role::Admin
        | Role::Autoscaler
        | Role::Metrics => serve_pod(args.role).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => Exit::Pass,
        Err(error) => {
            tracing::error!(role = ?args.role, "{error}");
            Exit::Setup
        }
    }
}

fn serve_queue(args: &QueueArgs) -> Result<(), tally_sqs_server::Error> {
    tally_sqs_server::serve(ServerConfig {
        health: args.health,
        message_bytes: args.message_bytes,
        ..ServerConfig::new(args.listen, &args.data)
    })
}

#[cfg(feature = "cluster")]
fn serve_pod(role: Role) -> Result<(), tally_local::ChildError> {
    let role = match role {
        Role::Gateway => tally_cluster::Role::Gateway,
        Role::Scheduler => tally_cluster::Role::Scheduler,
        Role::Fleet => tally_cluster::Role::Fleet,
        Role::Admin => tally_cluster::Role::Admin,
        Role::Autoscaler => tally_cluster::Role::Autoscaler,
        Role::Metrics => tally_cluster::Role::Metrics,
        Role::Replica => tally_cluster::Role::Replica,
        Role::Worker | Role::Supervisor | Role::ControlPlane | Role::Queue | Role::Agent => {
            tally_cluster::Role::Worker
        }
    };
    tally_cluster::serve(role)
}

#[cfg(not(feature = "cluster"))]
fn serve_pod(role: Role) -> Result<(), tally_local::ChildError> {
    Err(tally_local::ChildError::Config(format!(
        "role {role:?} of its own is not in this build: cargo build --release --features cluster"
    )))
}
