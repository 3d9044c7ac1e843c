//! Accepting, serving and refusing connections.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tally_model::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::turn::{Paced, Turn};

/// How long requests under way may take after shutdown was asked for.
const GRACE: Duration = Duration::from_secs(5);
/// Connections that are being told 503 at once; beyond it they are closed without a word.
const REFUSALS: usize = 64;
/// hyper does not accept a smaller buffer.
const LEAST_BUFFER: usize = 8192;

/// What is counted about connections.
#[derive(Debug, Default)]
pub struct Connections {
    /// Open now.
    pub open: AtomicUsize,
    /// Refused because of the cap, since the start.
    pub refused: AtomicU64,
}

/// A server: what it answers with and within which bounds.
#[derive(Debug)]
pub struct Listen<S, B> {
    /// Answers requests; cloned for each connection.
    pub service: S,
    /// Connections, header bytes and time-outs of the head and of resting connections.
    pub limits: Limits,
    /// Where connections are counted.
    pub connections: Arc<Connections>,
    /// The whole response, head included, for a connection above the cap; it must close the connection.
    pub refusal: &'static [u8],
    /// The response to a request whose length is ambiguous; it must close the connection.
    pub ambiguous: fn() -> Response<B>,
    /// Cancelled when the server begins to shut down, so that streams can end.
    pub stop: CancellationToken,
}

impl<S: Clone, B> Clone for Listen<S, B> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            limits: self.limits,
            connections: Arc::clone(&self.connections),
            refusal: self.refusal,
            ambiguous: self.ambiguous,
            stop: self.stop.clone(),
        }
    }
}

/// Serves until `shutdown` resolves, then lets requests under way end, for at most five seconds. Must run inside a tokio
/// runtime with time and IO.
pub async fn serve<S, B>(listener: TcpListener, listen: Listen<S, B>, shutdown: impl Future<Output = ()>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let slots = Arc::new(Semaphore::new(listen.limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let kill = CancellationToken::new();
    let tasks = TaskTracker::new();
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
            listen.connections.refused.fetch_add(1, Ordering::Relaxed);
            if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                let refusal = listen.refusal;
                tasks.spawn(async move {
                    refuse(socket, refusal).await;
                    drop(permit);
                });
            }
            continue;
        };
        let (listen, kill) = (listen.clone(), kill.clone());
        tasks.spawn(async move {
            let connections = Arc::clone(&listen.connections);
            connections.open.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = kill.cancelled() => {}
                result = connection(socket, listen) => if let Err(error) = result {
                    tracing::debug!(%error, "connection ended");
                }
            }
            connections.open.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
    drop(listener);
    listen.stop.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        kill.cancel();
        tasks.wait().await;
    }
}

/// Says 503 and waits a moment for the client to read it: closing at once with unread bytes would reset the connection
/// and could take the response with it.
async fn refuse(mut socket: TcpStream, refusal: &[u8]) {
    let talk = async {
        socket.write_all(refusal).await?;
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

async fn connection<S, B>(socket: TcpStream, listen: Listen<S, B>) -> Result<(), hyper::Error>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let Listen {
        service,
        limits,
        ambiguous,
        stop,
        ..
    } = listen;
    // Small responses must not wait for more data. A socket that cannot do it still works.
    let _best_effort = socket.set_nodelay(true);
    let turn = Turn::new(limits);
    let io = TokioIo::new(Paced::new(socket, Arc::clone(&turn)));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        answer(request, service.clone(), ambiguous, Arc::clone(&turn))
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

async fn answer<S, B>(
    request: Request<Incoming>,
    mut service: S,
    ambiguous: fn() -> Response<B>,
    turn: Arc<Turn>,
) -> Result<Response<Handed<B>>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    let response = if turn.begin(&request) {
        let Ok(response) = service.call(request).await;
        response
    } else {
        ambiguous()
    };
    Ok(response.map(|body| Handed { body, turn }))
}

/// A response body that passes the turn to the client when it was handed over.
#[derive(Debug)]
struct Handed<B> {
    body: B,
    turn: Arc<Turn>,
}

impl<B> Drop for Handed<B> {
    fn drop(&mut self) {
        self.turn.end();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Handed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
