//! A queue and a store of metadata that are one.

use std::future::Future;
use std::pin::Pin;

use tally_model::{Entry, Put};

use crate::Failure;

/// The answer to [`Joint::put_and_send`], once it is there.
pub type JointPut<'a> = Pin<Box<dyn Future<Output = Result<Put, Box<dyn Failure>>> + Send + 'a>>;

/// A store of keys and a queue that are one, so that a key and a message are written with one write.
pub trait Joint: Send + Sync + 'static {
    /// Writes a key if it is absent and, if it was written, sends a message: both or neither. Durable when it returns; the message may
    /// be received earlier, by nobody who outlives a failure to write it.
    fn put_and_send(&self, entry: Entry) -> JointPut<'_>;
}
