//! The one async driver: event to machine to command to port. It obeys; it decides nothing.

mod clock;
mod driver;
mod observations;
mod ports;
mod trace;

pub use clock::SystemClock;
pub use driver::{Inbox, drive, inbox};
pub use observations::ObservationLog;
pub use ports::{PortRunner, Ports};
pub use trace::{init_tracing, init_tracing_at};
