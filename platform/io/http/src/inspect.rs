//! What operators and tools look at.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tally_model::SetRecord;

use crate::metrics;
use crate::problem::Problem;
use crate::routes::App;

/// The description of this interface.
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

/// `GET /`.
pub(crate) async fn root() -> &'static str {
    "Tally computes arithmetic expressions; the interface is described in /openapi.json\n"
}

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// `GET /healthz`: the process serves.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the gateway's ports answered.
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.door.gauge().ready {
        Ok("ready\n")
    } else {
        let message = "queue and store have not answered yet";
        Err(
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
                .retry(std::time::Duration::from_secs(1)),
        )
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics::page(&app.door))
}

/// `GET /v1/status`.
pub(crate) async fn status(State(app): State<App>) -> Json<Value> {
    let gauge = app.door.gauge();
    let status = app.door.inner.source.status();
    // All of it but the plan that some policies are told, which is as long as the experiment.
    let config = status.config.map(|mut config| {
        config.scaling.forecast = None;
        config
    });
    Json(json!({
        "ready": gauge.ready,
        "pending": gauge.pending,
        "waiting": gauge.waiting,
        "accepted": gauge.accepted,
        "answered": gauge.answered,
        "duplicates": gauge.duplicates,
        "conflicts": gauge.conflicts,
        "layers": status.layers,
        "sets": status.sets,
        "faults": status.faults,
        "dead": status.dead,
        "rss_bytes": status.rss_bytes,
        "config": config,
    }))
}

/// `GET /v1/sets`.
pub(crate) async fn sets(State(app): State<App>) -> Json<Vec<SetRecord>> {
    Json(app.door.inner.source.sets())
}
