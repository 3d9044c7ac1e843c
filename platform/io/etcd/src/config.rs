//! Where etcd is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a platform finds its metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EtcdConfig {
    /// `http://host:port` of each member. Plain: etcd stands behind a network policy, as the queue does.
    pub endpoints: Vec<String>,
    /// Begins every key at the service, and is no part of a key here: several platforms can share one etcd.
    pub prefix: String,
    /// For one call that does not wait for changes.
    pub timeout: Duration,
}

impl Default for EtcdConfig {
    /// A member on this machine, its usual port.
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: "tally/".to_owned(),
            timeout: Duration::from_secs(5),
        }
    }
}
