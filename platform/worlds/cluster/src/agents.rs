//! Load agents on the cluster: one Job each, in a namespace of their own. What they say and are told is the harness's business.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tally_kubernetes::{COMPONENT, PodFact, Template};
use tally_process::Error;

use crate::operator::{Operator, ours};
use crate::platform::SYSTEM;

/// Where load agents are.
pub const LOAD: &str = "tally-load";
/// The config map with the pod they are made after (deploy/base/load/pod.json).
const POD: &str = "agent-pod";
/// How long their pods may take to run.
const START: Duration = Duration::from_mins(2);
/// How long their pods may take to go.
const GONE: Duration = Duration::from_mins(1);

/// Agents whose pods run; removed when this is dropped.
#[derive(Debug)]
pub struct Agents {
    operator: Arc<Operator>,
    gateway: SocketAddr,
    pods: Vec<String>,
    here: bool,
}

impl Agents {
    /// Removes what an earlier run may have left, makes `agents` Jobs, and returns when every pod runs. They end by themselves after
    /// `longest`.
    ///
    /// # Errors
    /// If the objects of deploy/ are not there, or a pod does not come to run.
    pub fn start(operator: &Arc<Operator>, agents: u32, longest: Duration) -> Result<Self, Error> {
        clear(operator)?;
        let (pod, image, gateway) = operator.call(async |operate| {
            Ok((
                operate.setting(LOAD, POD, "pod.json").await?,
                operate.image(SYSTEM, "gateway").await?,
                operate.service(SYSTEM, "gateway", "http").await?,
            ))
        })?;
        let pod = pod.ok_or_else(|| Error::Start(format!("config map {LOAD}/{POD} has no pod.json")))?;
        let gateway = gateway
            .ok_or_else(|| Error::Start(format!("service {SYSTEM}/gateway has no address for pods")))?;
        let template =
            Template::parse(&pod, image.as_deref()).map_err(|error| Error::Start(error.to_string()))?;
        let mut started = Self {
            operator: Arc::clone(operator),
            gateway,
            pods: Vec::new(),
            here: true,
        };
        for index in 0..agents {
            let name = format!("agent-{index}");
            operator.call(async |operate| operate.run_job(LOAD, &name, &template, longest).await)?;
        }
        let seen = operator.wait(START, "a running pod of every agent", |pods| {
            standing(pods, agents)
        })?;
        started.pods = seen.map_err(Error::Start)?;
        Ok(started)
    }

    /// The gateway as pods reach it.
    pub const fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// Their pods, in their order.
    pub fn pods(&self) -> &[String] {
        &self.pods
    }

    /// Removes them.
    ///
    /// # Errors
    /// If they do not go.
    pub fn stop(mut self) -> Result<(), Error> {
        self.here = false;
        clear(&self.operator)
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        if self.here
            && let Err(error) = clear(&self.operator)
        {
            tracing::error!(%error, "load agents were not removed");
        }
    }
}

/// Every agent's pod if all of them run; what is wrong if one has ended; none while they start.
fn standing(pods: &[PodFact], agents: u32) -> Option<Result<Vec<String>, String>> {
    let mut running = Vec::new();
    for index in 0..agents {
        // Pods of a Job are called after it, with five letters of their own.
        let prefix = format!("agent-{index}-");
        let mut own = pods
            .iter()
            .filter(|pod| pod.namespace == LOAD && pod.name.starts_with(&prefix));
        let pod = own.next()?;
        if pod.gone {
            return Some(Err(format!("agent {index} ({}): {}", pod.name, pod.ended)));
        }
        running.push(pod.running.then(|| pod.name.clone())?);
    }
    Some(Ok(running))
}

fn clear(operator: &Operator) -> Result<(), Error> {
    let labels = format!("{},{COMPONENT}=agent", ours());
    operator.call(async |operate| {
        operate.delete_jobs(LOAD, &labels).await?;
        operate.delete_pods(LOAD, &labels).await
    })?;
    operator.wait(GONE, "the end of every load agent", |pods| {
        (!pods.iter().any(|pod| pod.namespace == LOAD)).then_some(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, running: bool, gone: bool) -> PodFact {
        PodFact {
            name: name.into(),
            namespace: LOAD.into(),
            running,
            gone,
            ended: "exit code 2 (Error)".into(),
            ..PodFact::default()
        }
    }

    /// Agents stand when each has a running pod, in the order of the agents; one that ended already is told by name.
    #[test]
    fn agents_stand_when_all_of_them_run() {
        let (zero, one, ten) = (
            pod("agent-0-aaaaa", true, false),
            pod("agent-1-bbbbb", true, false),
            pod("agent-10-ccccc", true, false),
        );
        assert_eq!(standing(&[zero.clone(), ten.clone()], 2), None);
        assert_eq!(
            standing(&[ten, one, zero.clone()], 2),
            Some(Ok(vec!["agent-0-aaaaa".into(), "agent-1-bbbbb".into()]))
        );
        assert_eq!(
            standing(&[zero.clone(), pod("agent-1-bbbbb", false, false)], 2),
            None
        );
        let ended = standing(&[zero, pod("agent-1-bbbbb", false, true)], 2).unwrap();
        assert!(
            ended
                .unwrap_err()
                .contains("agent 1 (agent-1-bbbbb): exit code 2")
        );
    }
}
