//! A platform on a cluster: configured, started and stopped by an operator. Its objects come from deploy/.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tally_kubernetes::{COMPONENT, Machine, PodFact};
use tally_model::PlatformConfig;
use tally_process::Error;

use crate::deployments::{await_autoscalers, deploy};
use crate::operator::{Operator, ours};

/// Where the roles of the control plane are.
pub const SYSTEM: &str = "tally-system";
/// Where workers and replicas are.
pub const WORKERS: &str = "tally-workers";
/// The config map that pods read (in both namespaces).
const CONFIG: &str = "tally-config";
/// The gateway on every machine of the cluster (deploy/kind/base/gateway-port.yaml).
const NODE_PORT: u16 = 30_080;
/// How long the roles may take to end by themselves; more than the grace period in deploy/.
const ENDED: Duration = Duration::from_secs(15);
/// How long pods may take to go.
const GONE: Duration = Duration::from_mins(1);
/// How often members are deleted that were made after a deletion.
const CLEARED_MAX: u32 = 20;
/// The Deployments of the control plane.
const ROLES: &str = "gateway,scheduler,fleet,admin,autoscaler,metrics";

/// Who makes the worker pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    /// The platform's own cluster service, as its policy wants.
    Made,
    /// Deployments, one per operation, scaled by a live autoscaler on CPU (percent of the request).
    ScaledByCpu(u32),
    /// Deployments, scaled by a live autoscaler on the depth of their layer per pod.
    ScaledByDepth(u32),
    /// Deployments of a fixed number of pods: nothing but the kubelet repairs them.
    Deployed(u32),
}

/// How to start a platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// A context of the kubeconfig.
    pub context: String,
    /// The platform.
    pub platform: PlatformConfig,
    /// Who makes its workers; what is not [`Sets::Made`] wants an overlay with Deployments.
    pub sets: Sets,
    /// Where its gateway answers; none to look for it on the cluster's machines.
    pub http: Option<SocketAddr>,
    /// How long the control plane may take to run.
    pub timeout: Duration,
}

/// A platform that runs on a cluster.
#[derive(Debug)]
pub struct Platform {
    operator: Arc<Operator>,
    cluster: String,
    http: SocketAddr,
}

impl Platform {
    /// Starts the roles anew with this configuration: what ran before is stopped first, and nothing of its state is seen,
    /// because every platform has keys of its own and, but on Amazon, queues too.
    ///
    /// # Errors
    /// If the cluster cannot be reached, the platform's objects are not there, or the control plane does not come up.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let operator = Operator::connect(&options.context)?;
        let http = match options.http {
            Some(address) => address,
            None => gateway(&operator.machines()?)?,
        };
        halt(&operator)?;
        let cluster = format!("{:032x}", rand::random::<u128>());
        configure(&operator, &options.platform, &cluster)?;
        let roles = scale(&operator, 1)?;
        deploy(&operator, options, &cluster)?;
        if roles.is_empty() {
            return Err(Error::Start(format!(
                "there is no platform in namespace {SYSTEM} of context {}; `tally up` applies deploy/",
                options.context
            )));
        }
        operator.wait(options.timeout, "a control plane that is ready", |pods| {
            let of_ours = |role: &&String| {
                pods.iter()
                    .any(|pod| pod.namespace == SYSTEM && pod.component == **role && pod.ready)
            };
            roles.iter().all(|role| of_ours(&role)).then_some(())
        })?;
        await_autoscalers(&operator, options.sets, &cluster)?;
        Ok(Self {
            operator: Arc::new(operator),
            cluster,
            http,
        })
    }

    /// The gateway.
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Its name, part of everything signed: 32 hexadecimal digits.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The operator's view of it.
    pub const fn operator(&self) -> &Arc<Operator> {
        &self.operator
    }

    /// Stops every role, worker and replica; the cluster, its stores and the objects of deploy/ stay.
    ///
    /// # Errors
    /// If pods do not go.
    pub fn stop(self) -> Result<(), Error> {
        halt(&self.operator)
    }
}

fn scale(operator: &Operator, pods: u32) -> Result<Vec<String>, Error> {
    let roles = format!("{},{COMPONENT} in ({ROLES})", ours());
    operator.call(async |operate| operate.scale(SYSTEM, &roles, pods).await)
}

fn halt(operator: &Operator) -> Result<(), Error> {
    let (roles, members) = (
        format!("{},{COMPONENT} in ({ROLES})", ours()),
        format!("{},{COMPONENT} in (worker,replica)", ours()),
    );
    scale(operator, 0)?;
    operator.call(async |operate| operate.scale(WORKERS, &ours(), 0).await)?;
    let is_over = |pods: &[PodFact]| (!pods.iter().any(is_role)).then_some(());
    let what = "the end of an earlier control plane";
    // A pod that is deleted by force is gone before its processes are: only for those that do not end by themselves.
    if operator.wait(ENDED, what, is_over).is_err() {
        operator.call(async |operate| operate.delete_pods(SYSTEM, &roles).await)?;
        operator.wait(GONE, what, is_over)?;
    }
    clear(operator, &members)
}

/// Whether a pod is one of the control plane's.
fn is_role(pod: &PodFact) -> bool {
    pod.namespace == SYSTEM && ROLES.split(',').any(|role| role == pod.component)
}

/// Deletes the members, after the roles: a cluster service that runs makes again what is deleted. One whose pod had to be deleted by
/// force may run on for a moment, so what was made since is deleted as soon as it is seen.
fn clear(operator: &Operator, members: &str) -> Result<(), Error> {
    for _ in 0..CLEARED_MAX {
        let doomed: BTreeSet<String> = of_workers(&operator.pods()).map(|pod| pod.uid.clone()).collect();
        operator.call(async |operate| operate.delete_pods(WORKERS, members).await)?;
        match operator.wait(GONE, "the end of an earlier platform", |pods| left(pods, &doomed))? {
            Left::Nothing => return Ok(()),
            Left::MadeSince => {}
        }
    }
    Err(Error::Start(format!(
        "something makes pods of namespace {WORKERS} anew as soon as they are deleted; `tally status --leaks` shows them"
    )))
}

/// What is left of the members after a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    MadeSince,
}

/// None while nothing but `doomed` pods are left, which are on their way out.
fn left(pods: &[PodFact], doomed: &BTreeSet<String>) -> Option<Left> {
    let mut none = true;
    for pod in of_workers(pods) {
        if !doomed.contains(&pod.uid) {
            return Some(Left::MadeSince);
        }
        none = false;
    }
    none.then_some(Left::Nothing)
}

fn of_workers(pods: &[PodFact]) -> impl Iterator<Item = &PodFact> {
    pods.iter().filter(|pod| pod.namespace == WORKERS)
}

fn configure(operator: &Operator, platform: &PlatformConfig, cluster: &str) -> Result<(), Error> {
    let text = serde_json::to_string(platform).map_err(|error| Error::Start(error.to_string()))?;
    let data = BTreeMap::from([("platform.json", text), ("cluster", cluster.to_owned())]);
    operator.call(async |operate| {
        operate.configure(SYSTEM, CONFIG, &data).await?;
        operate.configure(WORKERS, CONFIG, &data).await
    })
}

/// The gateway's port on a machine of the cluster, on one that runs the cluster's own control plane if that can be told: no
/// experiment breaks that one.
fn gateway(machines: &[Machine]) -> Result<SocketAddr, Error> {
    let steady = machines
        .iter()
        .find(|machine| machine.name.contains("control-plane"));
    let chosen = steady.or_else(|| machines.iter().find(|machine| machine.ready));
    let address = chosen.and_then(|machine| machine.address.as_ref()?.parse::<IpAddr>().ok());
    address.map(|ip| SocketAddr::new(ip, NODE_PORT)).ok_or_else(|| {
        Error::Start("no machine of the cluster has an address; give the gateway's with --gateway".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(name: &str, address: Option<&str>, ready: bool) -> Machine {
        Machine {
            name: name.into(),
            address: address.map(str::to_owned),
            ready,
        }
    }

    fn pod(namespace: &str, component: &str, uid: &str) -> PodFact {
        PodFact {
            namespace: namespace.into(),
            component: component.into(),
            uid: uid.into(),
            ..PodFact::default()
        }
    }

    /// A member made after the deletion, as by a cluster service that had not yet ended, is told from one that is on its way out.
    #[test]
    fn what_was_made_since_a_deletion_is_seen() {
        let doomed = BTreeSet::from(["1".to_owned(), "2".to_owned()]);
        let (role, old, new) = (
            pod(SYSTEM, "fleet", "9"),
            pod(WORKERS, "worker", "2"),
            pod(WORKERS, "replica", "3"),
        );
        let seen = |pods: &[&PodFact]| left(&pods.iter().copied().cloned().collect::<Vec<_>>(), &doomed);
        assert_eq!(seen(&[&role]), Some(Left::Nothing));
        assert_eq!(seen(&[&role, &old]), None);
        assert_eq!(seen(&[&old, &new]), Some(Left::MadeSince));
        assert_eq!(seen(&[&new]), Some(Left::MadeSince));
        assert!(is_role(&role) && !is_role(&old) && !is_role(&pod(SYSTEM, "queue", "8")));
    }

    /// The gateway is looked for where no fault strikes, else where the kubelet is heard.
    #[test]
    fn the_gateway_is_found_on_a_steady_machine() {
        let worker = machine("tally-worker", Some("172.18.0.3"), true);
        let steady = machine("tally-control-plane", Some("172.18.0.2"), true);
        let lost = machine("other", Some("172.18.0.9"), false);
        let found = |machines: &[Machine]| gateway(machines).map(|address| address.to_string()).ok();
        assert_eq!(
            found(&[worker.clone(), steady]).as_deref(),
            Some("172.18.0.2:30080")
        );
        assert_eq!(
            found(&[lost.clone(), worker]).as_deref(),
            Some("172.18.0.3:30080")
        );
        assert_eq!(found(&[lost]), None);
        assert_eq!(found(&[machine("control-plane", None, true)]), None);
    }
}
