//! Metadata in etcd: transactions, leases, and watches that resume by themselves.
//!
//! `Etcd` is `tally_ports::MetadataStore`: a version is a modification revision, so it grows with every write of the store
//! and is never used twice. Reads are linearizable, which is etcd's default.
//!
//! Without the feature `client` only the configuration is here, because the build of the client wants `protoc`.

mod config;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod etcd;
#[cfg(feature = "client")]
mod lease;
#[cfg(feature = "client")]
mod range;
#[cfg(feature = "client")]
mod store;
#[cfg(feature = "client")]
mod watch;

pub use config::EtcdConfig;
#[cfg(feature = "client")]
pub use error::Error;
#[cfg(feature = "client")]
pub use etcd::Etcd;
#[cfg(feature = "client")]
pub use lease::Lease;
#[cfg(feature = "client")]
pub use watch::EtcdWatch;
