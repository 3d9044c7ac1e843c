//! Reading what became of a request.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response as HttpResponse};
use serde_json::{Value, json};
use tally_model::{AnswerMessage, Outcome, RequestId};
use tally_roles::gateway::Response;

use crate::input;
use crate::problem::{Problem, visible};
use crate::routes::App;

/// `GET /v1/expressions/{id}?wait=5s&certificate=true`.
///
/// The end of a wait is 200 with `"status":"pending"`: the question was answered, the answer is "not yet". A client tells
/// the cases apart by `status` alone, and no proxy takes a slow expression for a fault.
pub(crate) async fn read(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<HttpResponse, Problem> {
    let id = id(path)?;
    let mut wait = None;
    let mut certificate = false;
    for (name, value) in query(&uri)? {
        match (name.as_str(), value.as_str()) {
            ("wait", text) => wait = Some(input::duration(text)?),
            ("certificate", "true") => certificate = true,
            ("certificate", "false") => certificate = false,
            _ => return Err(unknown(&name, "`wait=5s` and `certificate=true`")),
        }
    }
    let response = match wait {
        None => app.door.lookup(id).await,
        Some(wait) => {
            let until = (app.door.inner.now)() + wait.min(app.door.inner.limits.wait);
            app.door.wait(id, until).await
        }
    };
    render(response.map_err(|_| deaf())?, certificate)
}

/// The id in a path.
pub(crate) fn id(path: Result<Path<String>, PathRejection>) -> Result<RequestId, Problem> {
    let Path(text) = path.map_err(|error| Problem::bad(error.body_text()))?;
    input::request_id(&text)
}

/// The parameters of a query string, in order.
pub(crate) fn query(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
    query
        .map(|Query(pairs)| pairs)
        .map_err(|error| Problem::bad(error.body_text()))
}

/// A parameter that this path does not know.
pub(crate) fn unknown(name: &str, known: &str) -> Problem {
    let name: String = name.chars().take(40).collect();
    Problem::bad(format!(
        "`{name}` is not a parameter with such a value here; there are {known}"
    ))
}

/// The gateway is too busy to be asked, or gone.
pub(crate) fn deaf() -> Problem {
    Problem::unavailable("the gateway is busy; try again with the same Idempotency-Key")
}

/// A bound was reached, of which the message tells.
pub(crate) fn busy(message: &str, retry_after: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "refused_busy", message).retry(retry_after)
}

/// What the gateway said, as a response to a question.
pub(crate) fn render(response: Response, certificate: bool) -> Result<HttpResponse, Problem> {
    match response {
        Response::Answered { answer } => Ok(Json(done(&answer, certificate)).into_response()),
        Response::Pending { id } | Response::Accepted { id } => {
            Ok(Json(json!({"id": id, "status": "pending"})).into_response())
        }
        Response::Unknown { id } => {
            let message = format!("no request has the id {id}; its retention may be over");
            Err(Problem::new(StatusCode::NOT_FOUND, "not_found", message))
        }
        Response::Conflict { id } => {
            let message = format!("this Idempotency-Key belongs to request {id}, which has another body");
            Err(Problem::new(StatusCode::CONFLICT, "conflict", message))
        }
        Response::Busy { retry_after } => {
            Err(busy("too many clients ask for answers; ask again", retry_after))
        }
        Response::Unavailable { retry_after, message } => {
            Err(Problem::unavailable(message).retry(retry_after))
        }
        Response::Refused { failure, .. } => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            failure.name(),
            "this is not an expression",
        )),
    }
}

/// An answer as clients see it.
pub(crate) fn done(answer: &AnswerMessage, certificate: bool) -> Value {
    let mut value = json!({
        "id": answer.id,
        "status": "done",
        "outcome": answer.outcome,
        "accepted": answer.accepted,
        "folded": answer.folded,
    });
    match &answer.outcome {
        Outcome::Value(text) => value["value"] = json!(text),
        Outcome::Error(failure) => {
            value["error"] = json!({"code": failure, "message": answer.detail.as_deref().map(visible)});
        }
    }
    if certificate {
        value["tasks"] = json!(answer.tasks);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 429 to a question says nothing of the request that is asked about: that one may be accepted.
    #[test]
    fn a_question_too_many_is_not_told_that_its_request_is_refused() {
        let retry_after = Duration::from_secs(1);
        let problem = render(Response::Busy { retry_after }, false).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("429") && text.contains("ask again"), "{text}");
        assert!(!text.contains("executed"), "{text}");
    }
}
