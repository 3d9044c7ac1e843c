//! The public server: the door's routes behind the accept loop.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use tally_listen::Listen;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::problem::Problem;
use crate::routes::{App, router};

/// What a connection above the cap is told.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 122\r\n\r\n\
{\"error\":{\"code\":\"too_many_connections\",\"message\":\"the connection cap is reached\",\"diagnostics\":[],\"retry_after_ms\":1000}}";

/// Serves until `shutdown` resolves, then lets requests under way end, for at most five seconds. Must run inside a tokio
/// runtime with time and IO.
pub async fn serve(listener: TcpListener, door: Door, shutdown: impl Future<Output = ()>) {
    let stop = CancellationToken::new();
    let listen = Listen {
        service: router(App {
            door: door.clone(),
            stop: stop.clone(),
        }),
        limits: door.inner.limits,
        connections: Arc::clone(&door.inner.connections),
        refusal: REFUSAL,
        ambiguous,
        stop,
    };
    tally_listen::serve(listener, listen, shutdown).await;
}

fn ambiguous() -> Response<Body> {
    let message = "Content-Length together with Transfer-Encoding, or a pipelined chunked request";
    Problem::bad(message).closing().into_response()
}
