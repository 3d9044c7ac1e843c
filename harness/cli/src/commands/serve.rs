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
        Role::Worker | Role::Replica => serve_node().map_err(|error| error.to_string()),
        Role::Queue => serve_queue(&args.queue).map_err(|error| error.to_string()),
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
