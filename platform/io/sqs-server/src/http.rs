//! HTTP in, HTTP out: which action, how many bytes, and the two probes and the metrics beside them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tally_listen::Incoming;
use tokio::sync::Semaphore;
use tower::Service as Tower;

use crate::envelope::uuid;
use crate::fault::{Fault, Kind};
use crate::metrics;
use crate::service::{Call, Service};

/// What an action is prefixed with in the header `x-amz-target`.
const TARGET: &str = "AmazonSQS.";
/// The media type of requests and responses.
const JSON: &str = "application/x-amz-json-1.0";
/// Bytes of requests are counted in units of this many.
const UNIT: usize = 1024;

/// A response of this server.
pub(crate) type Answer = Response<Full<Bytes>>;

/// The server as the accept loop sees it.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) service: Arc<Service>,
    /// Requests whose body is in memory, in units.
    budget: Arc<Semaphore>,
    /// Whether it answers actions, or probes and metrics alone.
    actions: bool,
}

impl App {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let units = (service.config.request_bytes / UNIT).max(service.config.largest_request() / UNIT + 1);
        Self {
            service,
            budget: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            actions: true,
        }
    }

    /// The same without actions.
    pub(crate) fn probes(&self) -> Self {
        Self {
            actions: false,
            ..self.clone()
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/livez" | "/readyz" | "/healthz") => self.health(),
            (&Method::GET | &Method::HEAD, "/metrics") => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                respond(StatusCode::OK, kind, metrics::page(&self.service))
            }
            (&Method::POST, _) if self.actions => self.act(request).await,
            _ => respond(
                StatusCode::NOT_FOUND,
                "text/plain",
                "POST an action of SQS, or GET /healthz or /metrics\n",
            ),
        }
    }

    fn health(&self) -> Answer {
        if self.service.store.is_broken() {
            respond(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/plain",
                "the store is broken\n",
            )
        } else {
            respond(StatusCode::OK, "text/plain", "ok\n")
        }
    }

    async fn act(self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let Some(action) = target(&head.headers) else {
            let message =
                "send `X-Amz-Target: AmazonSQS.<action>` and a JSON body; the query protocol is not spoken";
            return closing(refuse(&Fault::new(Kind::NoAction, message)));
        };
        let length = match self.length(&head.headers) {
            Ok(length) => length,
            Err(refusal) => return *refusal,
        };
        // The semaphore is never closed, and has room for the largest request.
        let units = (length / UNIT + 1) as u32;
        let Ok(_room) = self.budget.acquire_many(units).await else {
            return closing(refuse(&Fault::new(Kind::Internal, "the server is closing")));
        };
        let read = Limited::new(body, length).collect();
        let read = tokio::time::timeout(self.service.config.limits.body_timeout, read).await;
        let Ok(Ok(body)) = read else {
            return closing(respond(
                StatusCode::REQUEST_TIMEOUT,
                "text/plain",
                "the body did not arrive\n",
            ));
        };
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let call = Call {
            service: &self.service,
            host: host.unwrap_or("localhost"),
        };
        let result = call.perform(action, &body.to_bytes()).await;
        self.service.metrics.performed(action, result.as_ref().err());
        match result {
            Ok(json) => respond(StatusCode::OK, JSON, json),
            Err(fault) => refuse(&fault),
        }
    }

    /// The announced length of a body. It must be announced, so that there is room before it is read.
    fn length(&self, headers: &HeaderMap) -> Result<usize, Box<Answer>> {
        let largest = self.service.config.largest_request();
        let refusal = |status, text: String| Err(Box::new(closing(respond(status, "text/plain", text))));
        let Some(length) = headers.get(header::CONTENT_LENGTH) else {
            return refusal(StatusCode::LENGTH_REQUIRED, "send Content-Length\n".to_owned());
        };
        match length.to_str().ok().and_then(|text| text.parse().ok()) {
            Some(length) if length <= largest => Ok(length),
            _ => refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a request has at most {largest} bytes\n"),
            ),
        }
    }
}

impl Tower<Request<Incoming>> for App {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let app = self.clone();
        Box::pin(async move { Ok(app.answer(request).await) })
    }
}

/// The action that a request asks for.
fn target(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix(TARGET)
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(&uuid(rand::random())) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn refuse(fault: &Fault) -> Answer {
    let mut response = respond(fault.status(), JSON, fault.body());
    if let Ok(code) = HeaderValue::from_str(&fault.query_error()) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

/// The connection is of no further use: the rest of the body was not read.
fn closing(mut response: Answer) -> Answer {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The response to a request whose length is ambiguous.
pub(crate) fn ambiguous() -> Answer {
    let text = "Content-Length together with Transfer-Encoding, or a pipelined chunked request\n";
    closing(respond(StatusCode::BAD_REQUEST, "text/plain", text))
}
