//! The accept loop: every bound on connections is here, in one place.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::door::Door;
use crate::problem::Problem;
use crate::routes::{App, router};
use crate::turn::{Paced, Turn};

/// How long requests under way may take after shutdown was asked for.
const GRACE: Duration = Duration::from_secs(5);
/// Connections that are being told 503 at once; beyond it they are closed without a word.
const REFUSALS: usize = 64;
/// hyper does not accept a smaller buffer.
const LEAST_BUFFER: usize = 8192;
/// What a connection above the cap is told.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 122\r\n\r\n\
{\"error\":{\"code\":\"too_many_connections\",\"message\":\"the connection cap is reached\",\"diagnostics\":[],\"retry_after_ms\":1000}}";

/// Serves until `shutdown` resolves, then lets requests under way end, for at most five seconds. Must run inside a tokio
/// runtime with time and IO.
pub async fn serve(listener: TcpListener, door: Door, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(door.inner.limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let stop = CancellationToken::new();
    let kill = CancellationToken::new();
    let tasks = TaskTracker::new();
    let router = router(App {
        door: door.clone(),
        stop: stop.clone(),
    });
    let mut shutdown = pin!(shutdown);
    loop {
        let socket = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of descriptors, or a connection that died in the backlog: both pass.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            door.inner.metrics.refused.fetch_add(1, Ordering::Relaxed);
            if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                tasks.spawn(async move {
                    refuse(socket).await;
                    drop(permit);
                });
            }
            continue;
        };
        let (door, router, stop, kill) = (door.clone(), router.clone(), stop.clone(), kill.clone());
        tasks.spawn(async move {
            let open = &door.inner.metrics.connections;
            open.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = kill.cancelled() => {}
                result = connection(socket, &door, router, stop) => if let Err(error) = result {
                    tracing::debug!(%error, "connection ended");
                }
            }
            open.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
    drop(listener);
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        kill.cancel();
        tasks.wait().await;
    }
}

/// Says 503 and waits a moment for the client to read it: closing at once with unread bytes would reset the connection
/// and could take the response with it.
async fn refuse(mut socket: TcpStream) {
    let talk = async {
        socket.write_all(REFUSAL).await?;
        socket.shutdown().await?;
        let mut ignored = [0; 1024];
        for _ in 0..16 {
            if socket.read(&mut ignored).await? == 0 {
                break;
            }
        }
        Ok::<(), io::Error>(())
    };
    // Whether it was heard makes no difference.
    let _heard = tokio::time::timeout(Duration::from_secs(1), talk).await;
}

async fn connection(
    socket: TcpStream,
    door: &Door,
    router: Router,
    stop: CancellationToken,
) -> Result<(), hyper::Error> {
    let limits = door.inner.limits;
    // Small responses must not wait for more data. A socket that cannot do it still works.
    let _best_effort = socket.set_nodelay(true);
    let turn = Turn::new(limits);
    let io = TokioIo::new(Paced::new(socket, Arc::clone(&turn)));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        answer(request, router.clone(), Arc::clone(&turn))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // The socket's own deadlines come first; this one is the net below them.
        .header_read_timeout(limits.idle_timeout.max(limits.head_timeout) + Duration::from_secs(1))
        .max_buf_size(limits.headers.max(LEAST_BUFFER))
        .max_header_size(limits.headers)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn answer(
    request: Request<Incoming>,
    mut router: Router,
    turn: Arc<Turn>,
) -> Result<Response<Handed>, Infallible> {
    let response = if turn.begin(&request) {
        let Ok(response) = router.call(request).await;
        response
    } else {
        let message = "Content-Length together with Transfer-Encoding, or a pipelined chunked request";
        Problem::bad(message).closing().into_response()
    };
    Ok(response.map(|body| Handed { body, turn }))
}

/// A response body that passes the turn to the client when it was handed over.
#[derive(Debug)]
struct Handed {
    body: Body,
    turn: Arc<Turn>,
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.turn.end();
    }
}

impl HttpBody for Handed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
