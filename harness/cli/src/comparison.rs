//! Several runs of one experiment: the arms of `--against`, the order of their trials, and what they come to.

mod arm;
mod gather;
mod order;
mod play;
mod present;

pub(crate) use arm::Arm;
pub(crate) use gather::gather;
pub(crate) use play::{Contest, play_all};
pub(crate) use present::{conclude, present};
