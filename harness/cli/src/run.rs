//! Plays experiments: platform, load, faults, record, check, verdict, report.

mod assess;
mod broken;
mod checking;
mod conclusion;
mod events;
mod experiment;
mod facts;
mod interrupt;
mod judge;
mod known;
mod loads;
mod matching;
mod missed;
mod outcome;
mod patience;
mod ready;
mod recorder;
mod rehearsal;
mod rereads;
mod sampler;
mod senders;
mod station;
mod target;
mod trial;
mod watch;
mod world;

pub(crate) use broken::Broken;
pub(crate) use checking::{check_options, is_unsafe_in_part};
pub(crate) use experiment::{Finished, Settings, play, tag_of};
pub(crate) use interrupt::Interrupt;
pub(crate) use judge::is_only_owed;
pub(crate) use loads::Address;
pub(crate) use outcome::check_line;
pub(crate) use ready::wait_until_ready;
#[cfg(test)]
pub(crate) use recorder::Recorder;
pub use rehearsal::{Rehearsed, rehearse};
pub(crate) use senders::Senders;
pub(crate) use station::{Sent, Station, Told, Zero, wall};
pub(crate) use target::Target;
pub(crate) use trial::order as fault_order;
pub(crate) use watch::Watch;
#[cfg(feature = "cluster")]
pub(crate) use world::Cluster;
pub(crate) use world::{Local, World};
