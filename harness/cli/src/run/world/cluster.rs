//! A platform on a Kubernetes cluster.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tally_capture::HpaLine;
use tally_chaos::{ClusterFault, Fault, Order, Problem};
use tally_cluster::{Agents, LOAD, LiveFact, Operator, Platform, SYSTEM};
use tally_model::{Observation, Step};

use super::{Hold, Sizes, World, current_sets, hpa};
use crate::agents::Seats;
use crate::run::station::wall;

/// A platform whose pods an operator watches.
#[derive(Debug)]
pub(crate) struct Cluster {
    http: SocketAddr,
    name: String,
    operator: Arc<Operator>,
}

impl Cluster {
    pub(crate) fn of(platform: &Platform) -> Self {
        Self {
            http: platform.http(),
            name: platform.cluster().to_owned(),
            operator: Arc::clone(platform.operator()),
        }
    }
}

impl World for Cluster {
    fn http(&self) -> SocketAddr {
        self.http
    }

    fn cluster(&self) -> String {
        self.name.clone()
    }

    fn logs(&self) -> String {
        format!("`kubectl -n {SYSTEM} logs deployment/scheduler` and the like")
    }

    /// Without what the metrics adapter answered, which is told with the autoscalers.
    fn observations(&self) -> Vec<Observation> {
        let mut observations = self.operator.observations();
        observations.retain(|one| one.step != Step::MetricServed);
        observations
    }

    fn autoscalers(&self, zero: u64) -> Vec<HpaLine> {
        let heard = self.operator.live();
        if !heard
            .iter()
            .any(|(_, fact)| matches!(fact, LiveFact::Autoscaler(_)))
        {
            return Vec::new();
        }
        // Without it nothing can be decided again, and the replay says so; the run is worth as much as before.
        let version = self.operator.version().unwrap_or_else(|error| {
            tracing::warn!(%error, "the version of the API server is not known");
            String::new()
        });
        hpa::lines(version, heard, &self.operator.observations(), zero, wall())
    }

    /// Processes of other machines are not looked into.
    fn memory(&self) -> Box<dyn FnMut() -> Option<Sizes> + Send> {
        Box::new(|| None)
    }

    fn seats(&self, agents: u32, longest: Duration) -> Result<Box<dyn Seats>, String> {
        let agents = Agents::start(&self.operator, agents, longest).map_err(|error| error.to_string())?;
        let context = self.operator.context().to_owned();
        Ok(Box::new(Jobs { context, agents }))
    }

    fn fault<'a>(
        &'a self,
        order: Order,
        now: &'a (dyn Fn() -> u64 + Sync),
    ) -> Result<Box<dyn Fault + 'a>, Problem> {
        let http = self.http;
        let operator = Arc::clone(&self.operator);
        let fault = ClusterFault::new(operator, move || current_sets(http), order, now);
        Ok(Box::new(fault))
    }
}

/// Agents that are Jobs. Their standard streams come and go through the API server, to which `kubectl` knows the way.
struct Jobs {
    context: String,
    agents: Agents,
}

impl Seats for Jobs {
    fn gateway(&self) -> SocketAddr {
        self.agents.gateway()
    }

    fn commands(&self) -> Result<Vec<(String, Command)>, String> {
        let seat = |pod: &String| {
            let mut command = Command::new("kubectl");
            command
                .args(["--context", &self.context, "--namespace", LOAD])
                .args(["attach", "--stdin", "--quiet", pod]);
            (pod.clone(), command)
        };
        Ok(self.agents.pods().iter().map(seat).collect())
    }

    fn leave(self: Box<Self>) -> Result<(), String> {
        self.agents.stop().map_err(|error| error.to_string())
    }
}

impl Hold for Platform {
    /// A cluster repairs itself; that is what is under test.
    fn tend(&mut self) -> Option<String> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), String> {
        Platform::stop(*self).map_err(|error| error.to_string())
    }
}
