//! What a pod is told: environment variables, and the platform's configuration in a mounted file.

use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use tally_model::{NodeId, Operation, PlatformConfig, SetId};

/// Roles that have a pod of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The public door and the collector of answers.
    Gateway,
    /// Splits, dispatches, folds.
    Scheduler,
    /// The cluster service.
    Fleet,
    /// Probes and raises faults.
    Admin,
    /// Decides how many sets are wanted.
    Autoscaler,
    /// Tells Kubernetes' autoscaler of the layers.
    Metrics,
    /// Computes.
    Worker,
    /// Votes.
    Replica,
}

impl Role {
    /// The name used in flags, labels and observations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Scheduler => "scheduler",
            Self::Fleet => "fleet",
            Self::Admin => "admin",
            Self::Autoscaler => "autoscaler",
            Self::Metrics => "metrics",
            Self::Worker => "worker",
            Self::Replica => "replica",
        }
    }

    const fn is_node(self) -> bool {
        matches!(self, Self::Worker | Self::Replica)
    }
}

/// Where the stores are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Our own queue server; none for Amazon's, by region.
    pub queue: Option<String>,
    /// Before every queue's name.
    pub queue_prefix: String,
    /// Amazon's region.
    pub region: String,
    /// A PEM file of the authorities that Amazon's certificate is checked against: an image made from nothing has no other.
    pub ca_bundle: Option<String>,
    /// etcd's client address.
    pub etcd: String,
}

/// What the cluster service is told beyond the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetConfig {
    /// Where worker pods go.
    pub namespace: String,
    /// The file with the pod they are made after.
    pub template: String,
    /// Their image; none for the template's.
    pub image: Option<String>,
    /// Kubernetes makes the pods, by Deployments: they are adopted as they come.
    pub adopt: bool,
}

/// What one pod is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The platform.
    pub platform: PlatformConfig,
    /// Its name: 16 bytes that are part of everything signed.
    pub cluster: [u8; 16],
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// Where the gateway is served.
    pub http: SocketAddr,
    /// Where the kubelet asks.
    pub health: SocketAddr,
    /// Where external metrics are served.
    pub metrics: SocketAddr,
    /// Not needed by workers and replicas, which know no store.
    pub stores: StoreConfig,
    /// Where the cluster service answers the eight calls.
    pub fleet_address: String,
    /// For the cluster service.
    pub fleet: FleetConfig,
    /// The place and incarnation of a worker or replica.
    pub node: Option<(NodeId, u32)>,
}

/// The path of the platform's configuration if the environment names no other.
const PLATFORM_FILE: &str = "/etc/tally/platform.json";

/// Reads variables and keeps what is wrong with them.
struct Reader<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn text(&self, name: &str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(format!("{name}=`{text}`: {error}"));
                None
            }
        }
    }

    fn address(&mut self, name: &str, default: SocketAddr) -> SocketAddr {
        match self.optional(name) {
            Some(text) => self.parsed(name, &text).unwrap_or(default),
            None => default,
        }
    }

    fn file<T: DeserializeOwned>(&mut self, name: &str, path: &str) -> Option<T> {
        let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(format!("{name}=`{path}`: {error}"));
                None
            }
        }
    }

    fn cluster(&mut self) -> Option<[u8; 16]> {
        let name = self.optional("TALLY_CLUSTER").unwrap_or_default();
        let bytes = tally_process::cluster_bytes(&name);
        if bytes.is_none() {
            self.problems.push(format!(
                "TALLY_CLUSTER=`{name}`: expected the platform's name, 32 hexadecimal digits"
            ));
        }
        bytes
    }

    fn adopt(&mut self) -> bool {
        let sets = self.text("TALLY_SETS", "make");
        if !matches!(sets.as_str(), "make" | "adopt") {
            self.problems
                .push(format!("TALLY_SETS=`{sets}`: expected make or adopt"));
        }
        sets == "adopt"
    }

    /// A place that the cluster service gave, or one that a pod of a Deployment gives itself.
    fn node(&mut self) -> Option<(NodeId, u32)> {
        if let Some(operation) = self.optional("TALLY_OPERATION") {
            let Some(operation) = Operation::from_name(&operation) else {
                self.problems.push(format!(
                    "TALLY_OPERATION=`{operation}`: expected add, sub, mul or div"
                ));
                return None;
            };
            let pod = self.text("TALLY_POD_NAME", "");
            return Some((NodeId::Worker(set_of_pod(operation, &pod)), 0));
        }
        let node = self.text("TALLY_NODE", "");
        let incarnation = self.text("TALLY_INCARNATION", "0");
        let node = self.parsed("TALLY_NODE", &node);
        let incarnation = self.parsed("TALLY_INCARNATION", &incarnation);
        node.zip(incarnation)
    }
}

/// The set that a worker of a Deployment is: its number is drawn from the pod's name, which no other pod has, so that
/// whoever sees the pod knows the set. Two of 2^31 numbers meet in practice never, and are refused by the registrar if they do.
pub(crate) fn set_of_pod(operation: Operation, pod: &str) -> SetId {
    let mut hasher = blake3::Hasher::new_derive_key("tally 2026 set of a deployment's pod");
    hasher.update(pod.as_bytes());
    let mut word = [0; 4];
    hasher.finalize_xof().fill(&mut word);
    SetId {
        operation,
        number: u32::from_be_bytes(word) >> 1,
    }
}

impl Config {
    /// From the environment; `env` looks a variable up.
    ///
    /// # Errors
    /// Every variable that is missing or cannot be read, with what it should be.
    pub fn from_env(role: Role, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut reader = Reader {
            env,
            problems: Vec::new(),
        };
        let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let file = reader.text("TALLY_CONFIG", PLATFORM_FILE);
        let platform = reader.file("TALLY_CONFIG", &file);
        let cluster = reader.cluster();
        let node = if role.is_node() { reader.node() } else { None };
        let (grpc, http, health) = (
            reader.address("TALLY_GRPC", any(7000)),
            reader.address("TALLY_HTTP", any(8080)),
            reader.address("TALLY_HEALTH", any(9090)),
        );
        let metrics = reader.address("TALLY_METRICS", any(6443));
        let stores = StoreConfig {
            queue: reader.optional("TALLY_QUEUE_URL"),
            queue_prefix: reader.text("TALLY_QUEUE_PREFIX", "tally-"),
            region: reader.text("AWS_REGION", "us-east-1"),
            ca_bundle: reader.optional("TALLY_CA_BUNDLE"),
            etcd: reader.text("TALLY_ETCD_URL", ""),
        };
        if stores.etcd.is_empty() && !role.is_node() {
            let problem = "TALLY_ETCD_URL is not set: expected etcd's address, http://etcd:2379";
            reader.problems.push(problem.to_owned());
        }
        let fleet = FleetConfig {
            namespace: reader.text("TALLY_WORKER_NAMESPACE", "tally-workers"),
            template: reader.text("TALLY_POD_TEMPLATE", "/etc/tally-pod/pod.json"),
            image: reader.optional("TALLY_IMAGE"),
            adopt: reader.adopt(),
        };
        let fleet_address = reader.text("TALLY_FLEET", "fleet.tally-system.svc:7000");
        match (platform, cluster) {
            (Some(platform), Some(cluster)) if reader.problems.is_empty() => Ok(Self {
                platform,
                cluster,
                grpc,
                http,
                health,
                metrics,
                stores,
                fleet_address,
                fleet,
                node,
            }),
            _ => Err(format!(
                "{} cannot start: {}",
                role.name(),
                reader.problems.join("; ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(pairs: &[(&'static str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
        let map: BTreeMap<&str, String> = pairs
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        move |name| map.get(name).cloned()
    }

    fn platform_file() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, serde_json::to_vec(&PlatformConfig::default()).unwrap()).unwrap();
        file
    }

    const NAME: &str = "000102030405060708090a0b0c0d0e0f";

    /// What deploy/ sets is enough, and the rest has the documented defaults.
    #[test]
    fn the_environment_of_a_role_is_read() {
        let file = platform_file();
        let env = environment(&[
            ("TALLY_CONFIG", file.path().to_str().unwrap()),
            ("TALLY_CLUSTER", NAME),
            ("TALLY_ETCD_URL", "http://etcd:2379"),
            ("TALLY_QUEUE_URL", ""),
            ("TALLY_CA_BUNDLE", "/etc/authorities.pem"),
        ]);
        let config = Config::from_env(Role::Scheduler, &env).unwrap();
        assert_eq!(config.platform, PlatformConfig::default());
        assert_eq!(config.cluster[15], 15);
        assert_eq!(config.grpc.to_string(), "0.0.0.0:7000");
        assert_eq!(config.stores.queue, None);
        assert_eq!(config.stores.ca_bundle.as_deref(), Some("/etc/authorities.pem"));
        assert_eq!(config.node, None);
    }

    /// All problems are told at once, each with its variable.
    #[test]
    fn every_problem_is_told_at_once() {
        let env = environment(&[
            ("TALLY_CONFIG", "/nonexistent"),
            ("TALLY_CLUSTER", "short"),
            ("TALLY_GRPC", "nowhere"),
        ]);
        let problems = Config::from_env(Role::Gateway, &env).unwrap_err();
        for part in ["TALLY_CONFIG", "TALLY_CLUSTER", "TALLY_GRPC", "TALLY_ETCD_URL"] {
            assert!(problems.contains(part), "{part} in {problems}");
        }
    }

    /// A worker has the place that the cluster service gave it, or in a Deployment one of its own.
    #[test]
    fn a_worker_knows_its_place() {
        let file = platform_file();
        let base = [
            ("TALLY_CONFIG", file.path().to_str().unwrap()),
            ("TALLY_CLUSTER", NAME),
        ];
        let read = |more: &[(&'static str, &str)]| {
            Config::from_env(Role::Worker, &environment(&[&base[..], more].concat()))
        };
        let placed = read(&[("TALLY_NODE", "add-3/worker"), ("TALLY_INCARNATION", "2")]).unwrap();
        assert_eq!(placed.node, Some(("add-3/worker".parse().unwrap(), 2)));
        let own = |pod| {
            read(&[("TALLY_OPERATION", "mul"), ("TALLY_POD_NAME", pod)])
                .unwrap()
                .node
                .unwrap()
        };
        assert_ne!(own("worker-mul-a"), own("worker-mul-b"));
        assert_eq!(own("worker-mul-a"), own("worker-mul-a"));
        assert!(read(&[("TALLY_OPERATION", "pow")]).is_err());
        assert!(read(&[]).is_err());
    }
}
