//! Virtual time: a plan played on the simulated world and recorded like any other run; swarms of worlds in which everything
//! goes wrong.

mod arm;
mod fault;
mod record;
mod swarm;
mod threads;
mod timeline;
mod trial;

pub(crate) use arm::{Played, Task};
#[cfg(feature = "mutants")]
pub(crate) use swarm::plant;
pub(crate) use swarm::{Swarm, all_twins, swarm};
pub(crate) use threads::on_threads;
pub(crate) use trial::{Facts, Setup, play};
