//! What every pod serves beside its role: gRPC with health, and the kubelet's pages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tally_model::Limits;
use tally_process::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Router;

/// Connections to the kubelet's pages at once; a kubelet needs one.
const PROBERS: usize = 64;

/// A listener.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(Error::system(format!("cannot listen on {address}")))
}

/// A server with the gRPC health service.
pub(crate) fn grpc() -> Router {
    let (_, health) = tonic_health::server::health_reporter();
    tonic::transport::Server::builder().add_service(health)
}

/// Serves `router` until the shutdown.
pub(crate) async fn serve_grpc(
    router: Router,
    address: SocketAddr,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let listener = bind(address).await?;
    let served = router
        .serve_with_incoming_shutdown(tally_grpc::incoming(listener), shutdown.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the gRPC server ended");
        }
    });
    Ok(())
}

/// Whether the role does its work; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Serves the kubelet's pages until the shutdown, within `limits` and for a kubelet's few connections.
    pub(crate) async fn serve(
        &self,
        address: SocketAddr,
        limits: Limits,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        let listener = bind(address).await?;
        let ready = Arc::clone(&self.0);
        let ask = Arc::new(move || ready.load(Ordering::Acquire));
        tokio::spawn(tally_http::serve_health(
            listener,
            Limits {
                connections: PROBERS,
                ..limits
            },
            ask,
            shutdown.clone().cancelled_owned(),
        ));
        Ok(())
    }
}
