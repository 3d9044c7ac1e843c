//! What clients send, read strictly: bodies, headers, query strings.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use tally_expression::parse_report_form;
use tally_model::{Diagnostic, Limits, RequestId, Span};

use crate::problem::Problem;

/// The JSON body of a submission.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    expression: String,
}

/// Reads an expression in either form: `{"expression": "1+2"}` as `application/json`, or the report's
/// `"string": (expression)`, or the bare expression, as `text/plain`.
pub(crate) async fn expression(limits: &Limits, headers: &HeaderMap, body: Body) -> Result<String, Problem> {
    let form = form(headers)?;
    if let Some(length) = headers.get(header::CONTENT_LENGTH) {
        let length = length.to_str().ok().and_then(|text| text.parse::<usize>().ok());
        if length.is_none_or(|length| length > limits.body) {
            return Err(too_large(limits));
        }
    }
    let bytes = tokio::time::timeout(limits.body_timeout, Limited::new(body, limits.body).collect())
        .await
        .map_err(|_| {
            let message = "the body did not arrive in time";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", message).closing()
        })?
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large(limits)
            } else {
                Problem::bad("the body ended early or its framing is broken").closing()
            }
        })?
        .to_bytes();
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let at = error.valid_up_to();
        syntax("", "the body is not UTF-8", Span::new(at, at + 1))
    })?;
    match form {
        Form::Json => serde_json::from_str::<Wanted>(text)
            .map(|wanted| wanted.expression)
            .map_err(|error| {
                let at = offset(text, error.line(), error.column());
                syntax(text, &error.to_string(), Span::new(at, at + 1))
            }),
        Form::Text if text.trim_start().starts_with('"') => parse_report_form(text)
            .map(Into::into)
            .map_err(|diagnostic| refused(text, diagnostic)),
        Form::Text => Ok(text.into()),
    }
}

enum Form {
    Json,
    Text,
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let unsupported = |message: &str| {
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            message,
        )
        .closing())
    };
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value != "identity")
    {
        return unsupported("compressed bodies are not accepted; send the body as it is");
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let (kind, parameters) = kind
        .unwrap_or_default()
        .split_once(';')
        .unwrap_or((kind.unwrap_or_default(), ""));
    let parameters = parameters.trim().to_ascii_lowercase();
    if !matches!(
        parameters.as_str(),
        "" | "charset=utf-8" | "charset=\"utf-8\"" | "charset=us-ascii"
    ) {
        return unsupported("the only charset is utf-8");
    }
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Form::Json),
        "text/plain" => Ok(Form::Text),
        _ => unsupported("send `Content-Type: application/json` or `text/plain`"),
    }
}

fn too_large(limits: &Limits) -> Problem {
    let message = format!("the body is larger than {} bytes", limits.body);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message).closing()
}

fn syntax(text: &str, message: &str, span: Span) -> Problem {
    let help = "send {\"expression\": \"(3+5)*2\"}, nothing else";
    refused(text, Diagnostic::new("H0001", message).at(span).help(help))
}

fn refused(text: &str, diagnostic: Diagnostic) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "syntax", diagnostic.message.clone()).diagnose(text, &[diagnostic])
}

/// Byte offset of a place that `serde_json` counts in lines and bytes from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (start + column.saturating_sub(1)).min(text.len())
}

/// A header of at most `most` visible ASCII characters.
pub(crate) fn token(headers: &HeaderMap, name: &HeaderName, most: usize) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.as_bytes();
    let plain = (1..=most).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if plain && values.next().is_none() => Ok(Some(text.into())),
        _ => Err(Problem::bad(format!(
            "`{name}` must be given once, with 1 to {most} visible ASCII characters and no spaces"
        ))),
    }
}

/// A header that is an unsigned number of 64 bits.
pub(crate) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let Some(text) = token(headers, name, 20)? else {
        return Ok(None);
    };
    let number = text
        .parse()
        .map_err(|_| Problem::bad(format!("`{name}` must be a number from 0 to 2^64-1")));
    number.map(Some)
}

/// A request id.
pub(crate) fn request_id(text: &str) -> Result<RequestId, Problem> {
    text.parse().map_err(|error| Problem::bad(format!("{error}")))
}

/// A duration such as `500ms`, `5s` or `1m`.
pub(crate) fn duration(text: &str) -> Result<Duration, Problem> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Some(Duration::from_millis(1)),
        "s" => Some(Duration::from_secs(1)),
        "m" => Some(Duration::from_mins(1)),
        _ => None,
    };
    match (number.parse::<u32>(), unit) {
        (Ok(number), Some(unit)) => Ok(unit.saturating_mul(number)),
        _ => Err(Problem::bad(
            "a duration is a number and a unit, such as 500ms, 5s or 1m",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Durations need a unit; nothing else is guessed at.
    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [("0s", 0), ("500ms", 500), ("5s", 5000), ("1m", 60_000)] {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "5 s", "99999999999s", "\u{ff11}s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
