//! `tally serve ROLE`: one process of the platform.

use tally_local::{serve_control_plane, serve_node, serve_supervisor};

use crate::args::{Role, Serve};
use crate::exit::Exit;

/// Runs the role until it is told to stop.
pub(crate) fn run(args: &Serve) -> Exit {
    tally_runtime::init_tracing();
    let result = match args.role {
        Role::Supervisor => serve_supervisor(),
        Role::ControlPlane => serve_control_plane(),
        Role::Worker | Role::Replica => serve_node(),
    };
    match result {
        Ok(()) => Exit::Pass,
        Err(error) => {
            tracing::error!(role = ?args.role, "{error}");
            Exit::Setup
        }
    }
}
