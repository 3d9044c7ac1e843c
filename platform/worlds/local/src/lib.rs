//! The local world: a supervisor that parents real processes on loopback, so that kill -9 is a real kill.
//!
//! ```text
//! whoever starts it --> supervisor --> control plane      (restarted by the supervisor)
//!                                 |--> workers, replicas  (asked for by the control plane, outlive it)
//! ```
//!
//! Each process gets its configuration as one JSON line on standard input and says where it listens as one JSON line on
//! standard output. Children end when their parent does.

mod announce;
mod config;
mod control_plane;
mod made_with;
mod node;
mod operator;
mod platform;
mod state;
mod supervisor;

pub use announce::Announcement;
pub use config::{ControlPlaneConfig, NodeConfig, PodConfig, SupervisorConfig};
pub use control_plane::serve as serve_control_plane;
pub use made_with::MadeWith;
pub use node::serve as serve_node;
pub use operator::{MachineStatus, Occupant, Operator, OperatorError};
pub use platform::{Error, Options, Platform};
pub use state::{State, StateFile};
pub use supervisor::serve as serve_supervisor;
pub use tally_process::{Error as ChildError, peak_bytes_of, resident_bytes, resident_bytes_of};
