//! Plays experiments: platform, load, faults, record, check, verdict, report.

mod events;
mod experiment;
mod interrupt;
mod judge;
mod loads;
mod outcome;
mod ready;
mod recorder;
mod rereads;
mod sampler;
mod trial;

pub(crate) use experiment::{Finished, Settings, play};
pub(crate) use interrupt::Interrupt;
pub(crate) use judge::is_only_owed;
pub(crate) use outcome::check_line;
pub(crate) use ready::wait_until_ready;
