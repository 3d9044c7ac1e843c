//! Where a trial's platform runs, as far as the harness needs to know: the local world, or a cluster.

#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "cluster")]
mod hpa;
mod local;

use std::net::SocketAddr;
use std::time::Duration;

use tally_capture::HpaLine;
use tally_chaos::{Fault, Order, Problem};
use tally_load::Client;
use tally_model::{Observation, SetRecord};

use crate::agents::Seats;

#[cfg(feature = "cluster")]
pub(crate) use cluster::Cluster;
pub(crate) use local::{Local, Owned, STORE};

/// How long the gateway may take to tell its sets.
const ASK: Duration = Duration::from_secs(1);

/// Resident bytes of the platform's processes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    /// Of the control plane, now.
    pub(crate) control_plane: u64,
    /// Of the largest worker or replica, now.
    pub(crate) member: u64,
    /// The most that the control plane ever held.
    pub(crate) control_plane_peak: u64,
    /// The most that any worker or replica that is there now ever held.
    pub(crate) member_peak: u64,
}

/// A platform that runs somewhere.
pub(crate) trait World: Sync {
    /// The gateway.
    fn http(&self) -> SocketAddr;
    /// The platform's name, part of everything signed: 32 hexadecimal digits.
    fn cluster(&self) -> String;
    /// Where to look when something is wrong, for people.
    fn logs(&self) -> String;
    /// What its processes observed so far, by the wall clock, in no order.
    fn observations(&self) -> Vec<Observation>;
    /// What its live autoscalers were shown and decided, if it has any; `zero` is when the trial began, in nanoseconds by the wall
    /// clock.
    fn autoscalers(&self, _zero: u64) -> Vec<HpaLine> {
        Vec::new()
    }
    /// Looks at memory; none where nobody can tell.
    fn memory(&self) -> Box<dyn FnMut() -> Option<Sizes> + Send>;
    /// Places on the platform's own machines for agents, which may stay for `longest`.
    ///
    /// # Errors
    /// If they do not come, or if the platform has no machines of its own.
    fn seats(&self, _agents: u32, _longest: Duration) -> Result<Box<dyn Seats>, String> {
        Err("the platform runs on this machine: leave out --in-cluster".to_owned())
    }
    /// A fault as ordered; `now` tells nanoseconds since the trial began.
    fn fault<'a>(
        &'a self,
        order: Order,
        now: &'a (dyn Fn() -> u64 + Sync),
    ) -> Result<Box<dyn Fault + 'a>, Problem>;
}

/// A platform that was started for a trial and goes with it.
pub(crate) trait Hold {
    /// Brings back what is not under test and was lost; what it did is told.
    fn tend(&mut self) -> Option<String>;
    /// Stops it and removes what it made.
    fn stop(self: Box<Self>) -> Result<(), String>;
}

/// The newest record of every set that the gateway knows.
pub(crate) fn current_sets(http: SocketAddr) -> Result<Vec<SetRecord>, Problem> {
    let reply = Client::new(http, ASK)
        .get("/v1/sets")
        .map_err(|error| Problem(error.to_string()))?;
    let records: Vec<SetRecord> =
        serde_json::from_slice(&reply.body).map_err(|error| Problem(error.to_string()))?;
    let newest: std::collections::BTreeMap<_, _> = records.into_iter().map(|set| (set.id, set)).collect();
    Ok(newest.into_values().collect())
}
