//! The pages that a kubelet asks for: is this process alive, is it ready.
//!
//! Kubernetes before 1.24 has no gRPC probes, and an open port says nothing about a process that hangs.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use tally_listen::{Connections, Listen};
use tally_model::Limits;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a connection above the cap is told.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 30\r\n\r\nthe connection cap is reached\n";

/// Whether the process can do its work now.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// Serves `GET /livez` (and `/healthz`): 200 whenever the runtime turns; `GET /readyz`: 200 while `ready`, else 503. Of `limits` those of
/// connections and heads hold. Ends with `shutdown`, at most five seconds after it.
pub async fn serve_health(
    listener: TcpListener,
    limits: Limits,
    ready: Readiness,
    shutdown: impl Future<Output = ()>,
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
    let service = Router::new()
        .route("/livez", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(answer));
    let listen = Listen {
        service,
        limits,
        connections: Arc::new(Connections::default()),
        refusal: REFUSAL,
        ambiguous,
        stop: CancellationToken::new(),
    };
    tally_listen::serve(listener, listen, shutdown).await;
}

fn ambiguous() -> Response<Body> {
    let close = [(axum::http::header::CONNECTION, "close")];
    (StatusCode::BAD_REQUEST, close).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// Far beyond anything a busy machine needs.
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn served(limits: Limits, ready: &Arc<AtomicBool>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::clone(ready);
        let ask = Arc::new(move || seen.load(Ordering::Acquire));
        tokio::spawn(serve_health(listener, limits, ask, std::future::pending()));
        address
    }

    /// Everything the server says to `request` until it closes.
    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        let closed = tokio::time::timeout(PATIENCE, socket.read_to_string(&mut reply)).await;
        closed.expect("the server does not close").unwrap();
        reply
    }

    async fn status(address: SocketAddr, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let reply = exchange(address, &request).await;
        reply.split(' ').nth(1).unwrap().to_owned()
    }

    /// Readiness follows the role, liveness does not.
    #[tokio::test]
    async fn a_role_is_alive_before_it_is_ready() {
        let ready = Arc::new(AtomicBool::new(false));
        let address = served(Limits::default(), &ready).await;
        assert_eq!(status(address, "/livez").await, "200");
        assert_eq!(status(address, "/healthz").await, "200");
        assert_eq!(status(address, "/readyz").await, "503");
        ready.store(true, Ordering::Release);
        assert_eq!(status(address, "/readyz").await, "200");
        assert_eq!(status(address, "/other").await, "404");
    }

    /// One connection above the cap is told when to come back, and one that ends makes room.
    #[tokio::test]
    async fn connections_are_capped() {
        let limits = Limits {
            connections: 2,
            ..Limits::default()
        };
        let address = served(limits, &Arc::default()).await;
        let mut held = Vec::new();
        for _ in 0..limits.connections {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket
                .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
                .await
                .unwrap();
            let mut first = [0; 12];
            socket.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            held.push(socket);
        }
        let refused = exchange(address, "").await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
        assert!(
            refused.ends_with("\r\n\r\nthe connection cap is reached\n"),
            "{refused}"
        );
        drop(held);
        while status(address, "/livez").await != "200" {
            tokio::task::yield_now().await;
        }
    }

    /// One that never speaks, one that does not end its head and one that rests are closed, each by its own limit.
    #[tokio::test]
    async fn silent_connections_are_closed() {
        let far = Duration::from_hours(1);
        let near = Duration::from_millis(100);
        let hasty = Limits {
            head_timeout: near,
            idle_timeout: far,
            ..Limits::default()
        };
        let address = served(hasty, &Arc::default()).await;
        assert_eq!(exchange(address, "").await, "");
        exchange(address, "GET /livez HTTP/1.1\r\nhost").await;
        let restless = Limits {
            head_timeout: far,
            idle_timeout: near,
            ..Limits::default()
        };
        let address = served(restless, &Arc::default()).await;
        let rested = exchange(address, "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(rested.starts_with("HTTP/1.1 200 "), "{rested}");
    }

    /// A head above the limit is refused, and one whose length is ambiguous is, with nothing behind it served.
    #[tokio::test]
    async fn heads_are_bounded_and_clear() {
        let address = served(Limits::default(), &Arc::default()).await;
        let large = format!("GET /livez HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(20_000));
        let refused = exchange(address, &large).await;
        assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
        let two = "GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
                   GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
        let refused = exchange(address, two).await;
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
        assert_eq!(refused.matches("HTTP/1.1").count(), 1, "{refused}");
    }
}
