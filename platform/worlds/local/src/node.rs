//! A worker or a replica as a child process.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tally_process::Error;
use tally_process::node::{Settings, run};
use tally_runtime::ObservationLog;
use tokio::net::TcpListener;

use crate::announce::{Announcement, announce, die_with_parent, read_config};
use crate::config::{NodeConfig, cluster_bytes};

/// Runs a worker or a replica until it is told to stop or its parent ends.
///
/// # Errors
/// Anything that keeps it from starting.
pub fn serve() -> Result<(), Error> {
    let config: NodeConfig = read_config()?;
    die_with_parent(config.parent)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::system("cannot start a runtime"))?;
    runtime.block_on(start(config))
}

async fn start(config: NodeConfig) -> Result<(), Error> {
    let log = open_log(&config)?;
    let settings = Settings {
        node: config.node,
        incarnation: config.incarnation,
        cluster: cluster_bytes(&config.pod.cluster)?,
        platform: config.pod.platform,
        observer: Arc::new(move |observation| log.record(observation)),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(Error::system("cannot listen on loopback"))?;
    let grpc = listener
        .local_addr()
        .map_err(Error::system("cannot read an address"))?;
    announce(&Announcement { grpc, http: None })?;
    run(settings, listener).await
}

fn open_log(config: &NodeConfig) -> Result<ObservationLog, Error> {
    let folder = config.pod.data.join("events");
    let name = format!(
        "{}-{}.jsonl",
        config.node.to_string().replace('/', "-"),
        config.incarnation
    );
    std::fs::create_dir_all(&folder)
        .and_then(|()| ObservationLog::open(&folder.join(&name)))
        .map_err(Error::system(format!(
            "cannot write {}",
            folder.join(&name).display()
        )))
}
