//! A worker or a replica as a pod.

use std::sync::Arc;

use tally_process::Error;
use tally_process::node::{Settings, run as run_node};
use tally_runtime::ObservationLog;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::serving::{Ready, bind};

/// Runs until SIGTERM.
pub(crate) async fn run(config: Config) -> Result<(), Error> {
    let (node, incarnation) = config
        .node
        .ok_or_else(|| Error::Config("this pod has no place in the platform".into()))?;
    let log = ObservationLog::standard_output();
    let limits = config.platform.limits;
    let settings = Settings {
        node,
        incarnation,
        platform: config.platform,
        cluster: config.cluster,
        observer: Arc::new(move |observation| log.record(observation)),
    };
    let (ready, shutdown) = (Ready::default(), CancellationToken::new());
    ready.serve(config.health, limits, &shutdown).await?;
    let listener = bind(config.grpc).await?;
    // From here on a call waits in the listener's queue at worst.
    ready.set();
    let ended = run_node(settings, listener).await;
    shutdown.cancel();
    ended
}
