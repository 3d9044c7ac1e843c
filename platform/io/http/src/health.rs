//! The pages that a kubelet asks for: is this process alive, is it ready.
//!
//! Kubernetes before 1.24 has no gRPC probes, and an open port says nothing about a process that hangs.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

/// Whether the process can do its work now.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// Serves `GET /livez` (and `/healthz`): 200 whenever the runtime turns; `GET /readyz`: 200 while `ready`, else 503. Ends with
/// `shutdown`.
pub async fn serve_health(
    listener: TcpListener,
    ready: Readiness,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let answer = move || {
        let status = if ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        std::future::ready(status)
    };
    let alive = || std::future::ready(StatusCode::OK);
    let router = Router::new()
        .route("/livez", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(answer));
    if let Err(error) = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
    {
        tracing::error!(%error, "the health pages ended");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn status(address: std::net::SocketAddr, path: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        socket.read_to_string(&mut reply).await.unwrap();
        reply.split(' ').nth(1).unwrap().to_owned()
    }

    /// Readiness follows the role, liveness does not.
    #[tokio::test]
    async fn a_role_is_alive_before_it_is_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ready = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ready);
        let served = serve_health(
            listener,
            Arc::new(move || seen.load(Ordering::Acquire)),
            std::future::pending(),
        );
        tokio::spawn(served);
        assert_eq!(status(address, "/livez").await, "200");
        assert_eq!(status(address, "/healthz").await, "200");
        assert_eq!(status(address, "/readyz").await, "503");
        ready.store(true, Ordering::Release);
        assert_eq!(status(address, "/readyz").await, "200");
        assert_eq!(status(address, "/other").await, "404");
    }
}
