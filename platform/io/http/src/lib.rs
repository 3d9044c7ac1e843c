//! The public HTTP door: requests in, answers and events out, with limits.
//!
//! Only HTTP/1.1 is spoken, so the floods that HTTP/2 made possible have nothing to flood. All bounds come from
//! [`tally_model::Limits`]; connections are bounded once, in the accept loop (`tally-listen`), and a connection has one
//! request at a time.
//!
//! # The glue
//!
//! A [`Door`] is shared by the handlers and by whoever drives the gateway machine. The driver does this:
//!
//! ```no_run
//! use std::sync::Arc;
//! use tally_http::{Door, PlatformStatus, StatusSource, serve};
//! use tally_model::{Instant, Limits, Machine, SetRecord, Timing};
//! use tally_roles::gateway::Gateway;
//!
//! struct Nothing;
//! impl StatusSource for Nothing {
//!     fn status(&self) -> PlatformStatus { PlatformStatus::default() }
//!     fn sets(&self) -> Vec<SetRecord> { Vec::new() }
//! }
//!
//! # async fn glue(clock: impl Fn() -> Instant + Clone + Send + Sync + 'static) -> std::io::Result<()> {
//! let limits = Limits::default();
//! let (door, mut events) = Door::new(limits, Arc::new(clock.clone()), Arc::new(Nothing));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! tokio::spawn(serve(listener, door.clone(), std::future::pending()));
//!
//! let mut gateway = Gateway::new(limits, Timing::default());
//! let mut out = Vec::new();
//! gateway.wake(clock(), &mut out); // its first deadline is due at once: it starts to collect
//! while let Some(event) = events.recv().await {
//!     // and, in the same select: GatewayEvent::Port(event) from the ports, gateway.wake at gateway.deadline()
//!     gateway.handle(clock(), event, &mut out);
//!     for command in out.drain(..) {
//!         if let Some(port) = door.obey(command) {
//!             let _ = port; // carry it out; its answer comes back as GatewayEvent::Port
//!         }
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Observations of the other roles go to [`Door::observe`], so that `/v1/observations` shows the whole platform.

mod audience;
mod door;
mod health;
mod input;
mod inspect;
mod journal;
mod metrics;
mod problem;
mod read;
mod routes;
mod serve;
mod status;
mod streams;
mod submit;

pub use door::{Door, DoorEvent, Now};
pub use health::{Readiness, serve_health};
pub use serve::serve;
pub use status::{LayerStatus, PlatformStatus, StatusSource};
