//! Durable queues and metadata in one file: the default that needs no service.
//!
//! [`Embedded`] puts a disk under the models of `tally-substrate`: queues live in memory and are written through, values
//! are read from the file. One thread writes; it takes everything that waits into one transaction per commit (group
//! commit), so that a commit costs the same for one write and for hundreds. [`Memory`] is the same without the file.

#[cfg(test)]
mod broken;
mod broker;
mod commit;
mod embedded;
mod error;
mod feed;
mod health;
mod joint;
mod limits;
mod memory;
mod metadata;
mod open;
mod queue;
mod tables;
mod writer;

pub use embedded::Embedded;
pub use error::Error;
pub use limits::{BODY_LIMIT, CACHE, KEY_LIMIT, VALUE_LIMIT};
pub use memory::{Memory, MemoryWatch};
pub use metadata::EmbeddedWatch;
pub use tally_substrate::{Census, Policy, QueueId, Redrive, Settings};
