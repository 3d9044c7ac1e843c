//! The accept loop of every HTTP server: all bounds on connections, in one place.
//!
//! Only HTTP/1.1 is spoken. A server says what it answers with ([`Listen`]) and this decides who is heard, for how long,
//! and when it is over.

#[cfg(feature = "tls")]
mod secure;
mod serve;
mod turn;

pub use hyper::body::Incoming;
#[cfg(feature = "tls")]
pub use secure::{Certificate, Page, Pages, serve_pages};
pub use serve::{Connections, Listen, serve};
