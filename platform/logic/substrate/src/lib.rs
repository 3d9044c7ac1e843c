//! Pure models of the outside: queues with leases, and a store with versions and watches.
//!
//! They keep exactly what `tally-ports` promises, with `now` as an argument. `tally-embedded` puts a disk under them, a
//! simulator puts virtual time above them, and one conformance suite holds both to what a real service does.

mod lane;
mod message;
mod policy;
mod precondition;
mod queues;
mod receipt;
mod settings;
mod store;

pub use lane::Census;
pub use message::{MessageId, Placement};
pub use policy::{Policy, QueueId, Redrive};
pub use precondition::{holds, may_delete};
pub use queues::Queues;
pub use settings::Settings;
pub use store::{Store, WatchId};
