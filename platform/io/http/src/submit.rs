//! Submitting an expression, and looking at what it would become.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use serde_json::{Value, json};
use tally_expression::Operand;
use tally_model::{Diagnostic, Failure};
use tally_roles::gateway::Response;

use crate::input;
use crate::problem::Problem;
use crate::read;
use crate::routes::App;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TAG: HeaderName = HeaderName::from_static("tally-tag");
const WORK_KEY: HeaderName = HeaderName::from_static("tally-work-key");
/// Longest idempotency key.
const MOST_KEY: usize = 200;
/// Longest tag.
pub(crate) const MOST_TAG: usize = 100;

/// `POST /v1/expressions`.
pub(crate) async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let key = input::token(&headers, &KEY, MOST_KEY)?;
    let tag = input::token(&headers, &TAG, MOST_TAG)?;
    let work_key = input::number(&headers, &WORK_KEY)?;
    let expression = input::expression(&app.door.inner.limits, &headers, body).await?;
    // Kept to show the places of a refusal; the gateway gets the other copy.
    let text = expression.clone();
    let response = app.door.submit(expression, key, tag, work_key).await;
    match response.map_err(|_| read::deaf())? {
        Response::Accepted { id } => {
            let this = format!("/v1/expressions/{id}");
            let links = json!({"self": this, "events": format!("{this}/events")});
            let body = json!({"id": id, "status": "accepted", "links": links});
            Ok((StatusCode::ACCEPTED, [(header::LOCATION, this)], Json(body)).into_response())
        }
        Response::Refused { failure, diagnostics } => Err(refusal(&text, failure, &diagnostics)),
        Response::Busy { retry_after } => {
            let message =
                "too many requests have no outcome yet; this one was not accepted and will not be executed";
            Err(read::busy(message, retry_after))
        }
        other => read::render(other, false),
    }
}

/// `POST /v1/parse`: the tasks of an expression, in dependency order; nothing is executed.
pub(crate) async fn parse(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let text = input::expression(&app.door.inner.limits, &headers, body).await?;
    let parsed = tally_expression::parse(&text);
    let expression = parsed.map_err(|error| refusal(&text, error.failure, &error.diagnostics))?;
    let dag = expression.dag();
    let task = |task: &tally_expression::Task| {
        json!({
            "index": task.index,
            "operation": task.operation,
            "left": operand(&task.left),
            "right": operand(&task.right),
            "level": task.level,
            "span": task.span,
        })
    };
    Ok(Json(json!({
        "expression": expression.to_string(),
        "tasks": dag.tasks.iter().map(task).collect::<Vec<_>>(),
        "root": operand(&dag.root),
        "work": dag.work(),
        "critical_path": dag.critical_path(),
    })))
}

fn operand(operand: &Operand) -> Value {
    match operand {
        Operand::Literal(value) => json!({"value": value}),
        Operand::Task { index, negated } => json!({"task": index, "negated": negated}),
    }
}

/// The status a text that is not an expression is refused with.
fn refusal(text: &str, failure: Failure, diagnostics: &[Diagnostic]) -> Problem {
    let status = match failure {
        Failure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let message = diagnostics
        .first()
        .map_or("this is not an expression", |d| d.message.as_str());
    Problem::new(status, failure.name(), message).diagnose(text, diagnostics)
}
