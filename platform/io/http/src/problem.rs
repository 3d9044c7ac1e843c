//! Refusals, in one JSON shape: what is wrong, where, and when to try again.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tally_model::Diagnostic;

/// A refused HTTP request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    diagnostics: Vec<Value>,
    retry_after: Option<Duration>,
    close: bool,
}

impl Problem {
    /// A problem with a stable code and a line for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: visible(&message.into()),
            diagnostics: Vec::new(),
            retry_after: None,
            close: false,
        }
    }

    /// 400 `bad_request`.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 503 `unavailable`.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry(Duration::from_secs(1))
    }

    /// With the time after which another try is welcome.
    pub(crate) const fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The connection is of no further use: the rest of the body was not read.
    pub(crate) const fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// With places in `text`; lines and columns count from 1, columns in characters.
    pub(crate) fn diagnose(mut self, text: &str, diagnostics: &[Diagnostic]) -> Self {
        self.diagnostics = diagnostics.iter().map(|d| render(text, d)).collect();
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message, "diagnostics": self.diagnostics});
        if let Some(after) = self.retry_after {
            error["retry_after_ms"] = json!(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        }
        let mut response = (self.status, axum::Json(json!({ "error": error }))).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            // Whole seconds, rounded up, so that who obeys is never early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn render(text: &str, diagnostic: &Diagnostic) -> Value {
    let mut value = json!({
        "code": diagnostic.code,
        "message": visible(&diagnostic.message),
        "label": diagnostic.label.as_deref().map(visible),
        "help": diagnostic.help.as_deref().map(visible),
    });
    if let Some(span) = diagnostic.span {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        value["span"] = json!({"start": span.start, "end": span.end});
        value["line"] = json!(before.matches('\n').count() + 1);
        value["column"] = json!(before[line_start..].chars().count() + 1);
    }
    value
}

/// Spells out control characters and the invisible ones that reorder or join text, so that no message can lie about
/// what it quotes.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if hidden {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No hidden character survives in a message.
    #[test]
    fn hidden_characters_are_spelled_out() {
        assert_eq!(visible("a\u{202e}b\u{0}c\u{1b}"), "a\\u{202e}b\\u{0}c\\u{1b}");
        assert_eq!(visible("plain \u{2212}"), "plain \u{2212}");
    }

    /// Places are given as people count: from 1, in characters, line by line.
    #[test]
    fn places_have_line_and_column() {
        let text = "1+\n\u{e4}+?";
        let diagnostic = Diagnostic::new("F0400", "m").at(tally_model::Span::new(6, 7));
        let value = render(text, &diagnostic);
        assert_eq!((&value["line"], &value["column"]), (&json!(2), &json!(3)));
    }
}
