//! The traits at the seams, and the conformance suite each implementation passes.
//!
//! A port states a promise, the weakest that works. The world chooses one implementation of each.

mod clock;
mod cluster;
#[cfg(feature = "conformance")]
pub mod conformance;
mod joint;
mod metadata;
mod queue;
mod source;
mod transport;

pub use clock::Clock;
pub use cluster::Cluster;
pub use joint::{Joint, JointPut};
pub use metadata::{MetadataStore, Watch};
pub use queue::Queue;
pub use source::{BoxSource, Source};
pub use transport::{Envelope, Transport};

/// The one question a caller may ask of a failed port: is trying again of use?
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// True for time-outs, lost connections, throttling.
    fn is_transient(&self) -> bool;
}
