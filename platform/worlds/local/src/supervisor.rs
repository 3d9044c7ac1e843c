//! The supervisor: starts, signals and reaps processes, restarts the control plane, injects faults that heal themselves.
//!
//! It is not part of the platform that is put to the test: it is what a machine's kubelet and its operator are elsewhere.

mod calls;
mod faults;
mod keeper;
mod process;
mod processes;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tally_grpc::ClusterServer;
use tally_process::Error;
use tally_wire::services::supervisor_server::SupervisorServer;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::announce::{Announcement, announce, die_with_parent, read_config};
use crate::config::{ControlPlaneConfig, SupervisorConfig};
use calls::Calls;
use keeper::Keeper;
use processes::Processes;

/// Runs the supervisor until it is told to stop. Must be called on the main thread: its children follow that thread.
///
/// # Errors
/// Anything that keeps the platform from starting.
pub fn serve() -> Result<(), Error> {
    let config: SupervisorConfig = read_config()?;
    if let Some(parent) = config.parent {
        die_with_parent(parent)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::system("cannot start a runtime"))?;
    runtime.block_on(supervise(config))
}

async fn supervise(config: SupervisorConfig) -> Result<(), Error> {
    let logs = config.data.join("logs");
    std::fs::create_dir_all(&logs).map_err(Error::system(format!("cannot create {}", logs.display())))?;
    let listener = TcpListener::bind(config.grpc)
        .await
        .map_err(Error::system(format!("cannot listen on {}", config.grpc)))?;
    let address = listener
        .local_addr()
        .map_err(Error::system("cannot read an address"))?;
    let shutdown = CancellationToken::new();
    let processes = Processes::new(logs.clone());
    let keeper = Keeper::start(control_plane(&config, address)?, &logs, shutdown.clone());
    let calls = Calls::new(
        processes.clone(),
        keeper.clone(),
        config.platform.corruptible,
        shutdown.clone(),
    );
    let server = tonic::transport::Server::builder()
        .add_service(ClusterServer::service(Arc::new(processes.clone())))
        .add_service(SupervisorServer::new(calls))
        .serve_with_incoming_shutdown(tally_grpc::incoming(listener), shutdown.clone().cancelled_owned());
    let served = tokio::spawn(server);
    tokio::spawn(say_when_ready(keeper.clone(), address, shutdown.clone()));
    until_told(&shutdown).await?;
    keeper.stop().await;
    processes.stop_all().await;
    // Open watches would keep the server for ever; everything that mattered is gone by now.
    served.abort();
    Ok(())
}

fn control_plane(config: &SupervisorConfig, supervisor: SocketAddr) -> Result<ControlPlaneConfig, Error> {
    let name = config.data.join("cluster");
    let cluster = match std::fs::read_to_string(&name) {
        Ok(cluster) => cluster.trim().to_owned(),
        Err(_) => {
            let cluster = format!("{:032x}", rand::random::<u128>());
            std::fs::write(&name, &cluster)
                .map_err(Error::system(format!("cannot write {}", name.display())))?;
            cluster
        }
    };
    Ok(ControlPlaneConfig {
        data: config.data.clone(),
        platform: config.platform.clone(),
        http: config.http,
        grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        supervisor,
        cluster,
        parent: std::process::id(),
    })
}

async fn say_when_ready(keeper: Keeper, address: SocketAddr, shutdown: CancellationToken) {
    let ready = async {
        let control_plane = keeper.announced().await;
        let announcement = Announcement {
            grpc: address,
            http: control_plane.http,
        };
        if let Err(error) = announce(&announcement) {
            tracing::error!(%error, "nobody can be told that the platform is up");
        }
    };
    tokio::select! { () = ready => {}, () = shutdown.cancelled() => {} }
}

async fn until_told(shutdown: &CancellationToken) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::system("cannot handle SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::system("cannot handle SIGINT"))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = shutdown.cancelled() => {}
    }
    shutdown.cancel();
    Ok(())
}
