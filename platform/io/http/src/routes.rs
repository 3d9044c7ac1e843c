//! Every route, in one table that the router is built from and the OpenAPI document is compared with.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::problem::Problem;
use crate::{inspect, read, streams, submit};

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) door: Door,
    /// Cancelled when the server shuts down; streams end with it.
    pub(crate) stop: CancellationToken,
}

/// Path, method in lower case, handler.
pub(crate) fn table() -> Vec<(&'static str, &'static str, MethodRouter<App>)> {
    vec![
        ("/", "get", get(inspect::root)),
        ("/openapi.json", "get", get(inspect::openapi)),
        ("/healthz", "get", get(inspect::healthz)),
        ("/readyz", "get", get(inspect::readyz)),
        ("/metrics", "get", get(inspect::metrics)),
        ("/v1/status", "get", get(inspect::status)),
        ("/v1/sets", "get", get(inspect::sets)),
        ("/v1/parse", "post", post(submit::parse)),
        ("/v1/expressions", "post", post(submit::submit)),
        ("/v1/expressions/{id}", "get", get(read::read)),
        ("/v1/expressions/{id}/events", "get", get(streams::events)),
        ("/v1/answers", "get", get(streams::answers)),
        ("/v1/observations", "get", get(streams::observations)),
    ]
}

/// The router. It bounds nothing: a `ConcurrencyLimitLayer` on a router is cloned per connection, so that each clone
/// would count for itself; the bound is the one semaphore of the accept loop.
pub(crate) fn router(app: App) -> Router {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, _, handler)| {
            router.route(path, handler)
        })
        .fallback(|| async {
            Problem::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "no such path; see /openapi.json",
            )
        })
        .method_not_allowed_fallback(|| async {
            let message = "this path does not know that method; see /openapi.json";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app)
}

/// Ends the count of an active request also when its client went away.
struct Active<'a>(&'a Door);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.inner.metrics.active.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    app.door.inner.metrics.begin();
    let _active = Active(&app.door);
    let response = next.run(request).await.into_response();
    app.door.inner.metrics.responded(response.status().as_u16());
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The OpenAPI document and the router name the same paths and methods.
    #[test]
    fn the_document_and_the_router_agree() {
        let document: serde_json::Value = serde_json::from_str(crate::inspect::OPENAPI).unwrap();
        let documented: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods.keys().map(move |method| (path.clone(), method.clone()))
            })
            .collect();
        let routed: BTreeSet<(String, String)> = super::table()
            .into_iter()
            .map(|(path, method, _)| (path.into(), method.into()))
            .collect();
        assert_eq!(documented, routed);
    }
}
