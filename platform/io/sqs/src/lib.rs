//! Queues on Amazon SQS, or on any server that speaks its JSON protocol.
//!
//! [`Sqs`] is `tally_ports::Queue` over the official SDK. What SQS demands stays in here: batches of ten under two size
//! limits, whole seconds, long polls of at most twenty, entries of a batch that fail alone, throttling.

mod batch;
mod config;
mod connect;
mod depth;
mod error;
mod pacing;
mod queue;
mod receipts;
mod sending;
mod setup;
mod sqs;

pub use config::{Credentials, SqsConfig};
pub use error::Error;
pub use sqs::Sqs;
