//! A stream of items that names no runtime.

use std::future::Future;
use std::pin::Pin;

/// Something that yields items until it ends.
pub trait Source<T>: Send {
    /// The next items, at least one; `None` once the source has ended. Cancel safe.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Vec<T>>> + Send + '_>>;
}

/// A boxed [`Source`].
pub type BoxSource<T> = Box<dyn Source<T>>;
