//! Pure models of the outside: queues with leases, a store with versions and watches, a cluster of pods, and the links between
//! them.
//!
//! They keep exactly what `tally-ports` promises, with `now` as an argument. `tally-embedded` puts a disk under them, a
//! simulator puts virtual time above them, and one conformance suite holds both to what a real service does.

mod cluster;
mod lane;
mod link;
mod message;
mod policy;
mod precondition;
mod queues;
mod receipt;
mod settings;
mod store;

pub use cluster::{Cluster, PodIndex};
pub use lane::Census;
pub use link::{Link, PER_MILLION, Transit, Weather};
pub use message::{MessageId, Placement};
pub use policy::{Policy, QueueId, Redrive};
pub use precondition::{holds, may_delete};
pub use queues::Queues;
pub use settings::Settings;
pub use store::{Store, WatchId};
