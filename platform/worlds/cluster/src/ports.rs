//! The ports of the cluster world: queues on SQS (or our server behind its protocol), metadata on etcd.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tally_etcd::{Etcd, EtcdConfig};
use tally_model::PlatformConfig;
use tally_ports::{Cluster, Failure};
use tally_process::{Error, World};
use tally_sqs::{Credentials, Sqs, SqsConfig};

use crate::config::StoreConfig;
use crate::recording::Recording;

/// Pause before a store that is not there yet is tried again: pods start in any order.
const PAUSE: Duration = Duration::from_millis(250);
/// After this long the process ends, so that the kubelet's backoff and its events tell that something is wrong.
const PATIENCE: Duration = Duration::from_mins(2);
/// Longest any call to etcd may take.
const ETCD_CALL: Duration = Duration::from_secs(5);
/// Largest message, and largest batch, in bytes: Amazon's limit, and the default of our own server. The certificates of 1,600 tasks
/// fit, at 640 bytes each in `pbft` with four replicas and short numbers; an answer with more ends in `answer_too_large`. etcd takes what a
/// message can hold: 1.5 MiB.
const MESSAGE: usize = 1 << 20;

/// One role per pod; `C` is how it reaches the cluster.
#[derive(Debug)]
pub struct Pods<C>(PhantomData<C>);

impl<C: Cluster> World for Pods<C> {
    type Queue = Sqs;
    type Metadata = Recording<Etcd>;
    type Cluster = C;
}

/// Queues and metadata, connected.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Queues.
    pub queue: Arc<Sqs>,
    /// Metadata.
    pub metadata: Arc<Recording<Etcd>>,
}

impl Stores {
    /// Connects, and waits up to two minutes for services that are not there yet.
    ///
    /// # Errors
    /// If one refuses, or does not come.
    pub async fn connect(
        config: &StoreConfig,
        platform: &PlatformConfig,
        cluster: [u8; 16],
    ) -> Result<Self, Error> {
        let name = format!("{:032x}", u128::from_be_bytes(cluster));
        let (queue, metadata) = tokio::try_join!(
            patiently("queue", || Sqs::connect(sqs(config, platform, &name))),
            patiently("etcd", || Etcd::connect(etcd(config, &name))),
        )?;
        Ok(Self {
            queue: Arc::new(queue),
            metadata: Arc::new(Recording::new(metadata)),
        })
    }
}

/// On a server of our own every platform has queues of its own; on Amazon all have the same, whose policy and price are set once.
fn sqs(config: &StoreConfig, platform: &PlatformConfig, name: &str) -> SqsConfig {
    SqsConfig {
        endpoint: config.queue.clone(),
        region: config.region.clone(),
        prefix: match config.queue {
            Some(_) => format!("{}{}-", config.queue_prefix, &name[..8]),
            None => config.queue_prefix.clone(),
        },
        credentials: if config.queue.is_some() {
            Credentials::Unchecked
        } else {
            Credentials::WebIdentity
        },
        visibility: platform.timing.visibility,
        receives: platform.limits.receives,
        message_bytes: MESSAGE,
        batch_bytes: MESSAGE,
        ca_bundle: config.ca_bundle.as_ref().map(Into::into),
        ..SqsConfig::default()
    }
}

/// Every platform has keys of its own.
fn etcd(config: &StoreConfig, name: &str) -> EtcdConfig {
    EtcdConfig {
        endpoints: vec![config.etcd.clone()],
        prefix: format!("tally/{name}/"),
        timeout: ETCD_CALL,
    }
}

/// Tries again while trying again is of use.
async fn patiently<T, E: Failure>(
    what: &str,
    mut connect: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, Error> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match connect().await {
            Ok(store) => return Ok(store),
            Err(error) if error.is_transient() && tokio::time::Instant::now() < until => {
                tracing::info!(what, %error, "waiting for a store");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(Error::Start(format!("{what}: {error}"))),
        }
    }
}
