//! A platform on a Kubernetes cluster.

use std::net::SocketAddr;
use std::sync::Arc;

use tally_chaos::{ClusterFault, Fault, Order, Problem};
use tally_cluster::{Operator, Platform, SYSTEM};
use tally_model::Observation;

use super::{Hold, Sizes, World, current_sets};

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

    fn observations(&self) -> Vec<Observation> {
        self.operator.observations()
    }

    /// Processes of other machines are not looked into.
    fn memory(&self) -> Box<dyn FnMut() -> Option<Sizes> + Send> {
        Box::new(|| None)
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

impl Hold for Platform {
    /// A cluster repairs itself; that is what is under test.
    fn tend(&mut self) -> Option<String> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), String> {
        Platform::stop(*self).map_err(|error| error.to_string())
    }
}
