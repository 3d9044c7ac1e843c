//! What a well-meaning client does, and what a mistaken one is told.

use serde_json::json;
use tally_model::{Failure, Limits, Outcome};

use super::world::World;

const EXPRESSION: &str = r#"{"expression":"((3+5)*(4/2))"}"#;

/// A request is accepted, pending, and then done, and the answer stays.
#[tokio::test]
async fn a_request_goes_from_accepted_to_done() {
    let mut world = World::start(Limits::default()).await;
    let accepted = world.post("/v1/expressions", "", EXPRESSION).await;
    assert_eq!(accepted.status(), 202, "{}", accepted.0);
    let location = accepted.header("location").unwrap().to_owned();
    assert_eq!(accepted.json()["links"]["self"], json!(location));
    let pending = world.get(&location).await;
    assert_eq!(
        (pending.status(), &pending.json()["status"]),
        (200, &json!("pending"))
    );
    let short = world.get(&format!("{location}?wait=1ms")).await;
    assert_eq!(
        (short.status(), &short.json()["status"]),
        (200, &json!("pending"))
    );
    world.answer(Outcome::Value("16".into())).await;
    for path in [
        format!("{location}?wait=30s"),
        location.clone(),
        format!("{location}?certificate=true"),
    ] {
        let done = world.get(&path).await.json();
        assert_eq!(
            (&done["status"], &done["value"]),
            (&json!("done"), &json!("16")),
            "{path}"
        );
        assert_eq!(done.get("tasks").is_some(), path.ends_with("true"));
    }
}

/// A failure has a name in the answer.
#[tokio::test]
async fn a_failure_is_named() {
    let mut world = World::start(Limits::default()).await;
    let accepted = world.post("/v1/expressions", "", r#"{"expression":"1/0"}"#).await;
    world.answer(Outcome::Error(Failure::DivByZero)).await;
    let path = format!("{}?wait=30s", accepted.header("location").unwrap());
    let done = world.get(&path).await.json();
    assert_eq!(done["outcome"], json!("error:div_by_zero"));
    assert_eq!(done["error"]["code"], json!("div_by_zero"));
}

/// A key is one request: 202 again, then 200 with the answer, 409 for another body.
#[tokio::test]
async fn a_key_is_one_request() {
    let mut world = World::start(Limits::default()).await;
    let key = "Idempotency-Key: k\r\n";
    let first = world.post("/v1/expressions", key, EXPRESSION).await.json();
    let second = world.post("/v1/expressions", key, EXPRESSION).await.json();
    assert_eq!(first, second);
    let other = world.post("/v1/expressions", key, r#"{"expression":"1"}"#).await;
    assert_eq!(other.status(), 409);
    world.answer(Outcome::Value("16".into())).await;
    let id = first["id"].as_str().unwrap();
    world.get(&format!("/v1/expressions/{id}?wait=30s")).await;
    let third = world.post("/v1/expressions", key, EXPRESSION).await;
    assert_eq!((third.status(), &third.json()["value"]), (200, &json!("16")));
}

/// The report's form and bare text mean the same as JSON.
#[tokio::test]
async fn the_forms_of_a_body_are_equal() {
    let mut world = World::start(Limits::default()).await;
    let text = "Content-Type: text/plain; charset=utf-8\r\n";
    for body in ["\"expression\": ((3+5)*(4/2))", "((3+5)*(4/2))"] {
        assert_eq!(
            world.post("/v1/expressions", text, body).await.status(),
            202,
            "{body}"
        );
        assert_eq!(world.inbound.recv().await.unwrap().expression, "((3+5)*(4/2))");
    }
}

/// Every malformed body, header, path and query has its status, in the one shape of problems, and nothing is accepted.
#[tokio::test]
async fn bad_input_is_named() {
    let mut world = World::start(Limits::default()).await;
    let long_key = format!("Idempotency-Key: {}\r\n", "k".repeat(201));
    let deep = format!("{{\"expression\":{}", "[".repeat(2000));
    let nested = format!(r#"{{"expression":"{}"}}"#, "(".repeat(5000));
    let table = [
        ("", "", 400, "syntax"),
        ("", "[]", 400, "syntax"),
        ("", "{}", 400, "syntax"),
        ("", r#"{"expression":1}"#, 400, "syntax"),
        ("", r#"{"expression":NaN}"#, 400, "syntax"),
        ("", r#"{"expression":"1","expression":"2"}"#, 400, "syntax"),
        ("", r#"{"expression":"1","x":"2"}"#, 400, "syntax"),
        ("", r#"{"expression":"1"} x"#, 400, "syntax"),
        ("", "\u{feff}{\"expression\":\"1\"}", 400, "syntax"),
        ("", r#"{"expression":"\ud800"}"#, 400, "syntax"),
        ("", r#"{"expression":"1+"}"#, 400, "syntax"),
        ("", "{\"expression\":\"\u{ff11}\"}", 400, "syntax"),
        ("", deep.as_str(), 400, "syntax"),
        ("", nested.as_str(), 400, "too_deep"),
        ("Content-Type: text/html\r\n", "1", 415, "unsupported_media_type"),
        (
            "Content-Encoding: gzip\r\n",
            "\u{1f}",
            415,
            "unsupported_media_type",
        ),
        (long_key.as_str(), EXPRESSION, 400, "bad_request"),
        ("Idempotency-Key: a b\r\n", EXPRESSION, 400, "bad_request"),
        (
            "Idempotency-Key: a\r\nIdempotency-Key: b\r\n",
            EXPRESSION,
            400,
            "bad_request",
        ),
        ("Tally-Work-Key: -1\r\n", EXPRESSION, 400, "bad_request"),
    ];
    for (headers, body, status, code) in table {
        let reply = world.post("/v1/expressions", headers, body).await;
        assert_eq!(
            (reply.status(), &reply.json()["error"]["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    assert!(world.inbound.try_recv().is_err());
    let long_id = format!("/v1/expressions/{}", "a".repeat(10_000));
    for (path, status) in [
        (long_id.as_str(), 400),
        ("/v1/expressions/..%2f..%2fetc", 400),
        ("/v1/expressions/../../etc", 404),
        ("/v1/expressions/0123456789ABCDEF0123456789abcdef", 400),
        ("/v1/expressions/%ff", 400),
        ("/v1/expressions/0123456789abcdef0123456789abcdef", 404),
        ("/v1/expressions/0123456789abcdef0123456789abcdef?wait=5", 400),
        ("/v1/expressions/0123456789abcdef0123456789abcdef?x=5", 400),
        ("/v1/answers", 400),
        ("/v1/observations?since=x", 400),
        ("/v1/expressions", 405),
        ("/nowhere", 404),
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.status(), status, "{path}");
        assert!(reply.json()["error"]["message"].is_string());
    }
}

/// Above the bound of pending requests: 429 and when to come back, but not for what was accepted before.
#[tokio::test]
async fn a_full_platform_refuses_with_retry_after() {
    let limits = Limits {
        pending: 1,
        ..Limits::default()
    };
    let world = World::start(limits).await;
    let [first, other] = ["a", "b"].map(|key| format!("Idempotency-Key: {key}\r\n"));
    assert_eq!(
        world.post("/v1/expressions", &first, EXPRESSION).await.status(),
        202
    );
    for key in ["", &other] {
        let busy = world.post("/v1/expressions", key, EXPRESSION).await;
        assert_eq!((busy.status(), busy.header("retry-after")), (429, Some("1")));
        assert_eq!(busy.json()["error"]["retry_after_ms"], json!(1000));
        let message = busy.json()["error"]["message"].to_string();
        assert!(message.contains("not be executed"), "{message}");
    }
    let again = world.post("/v1/expressions", &first, EXPRESSION).await;
    assert_eq!(again.status(), 202, "{}", again.0);
    let conflict = world
        .post("/v1/expressions", &first, r#"{"expression":"1"}"#)
        .await;
    assert_eq!(conflict.status(), 409, "{}", conflict.0);
}

/// Parsing shows the tasks and accepts nothing.
#[tokio::test]
async fn parse_shows_the_tasks_only() {
    let mut world = World::start(Limits::default()).await;
    let parsed = world.post("/v1/parse", "", EXPRESSION).await.json();
    assert_eq!(parsed["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(parsed["critical_path"], json!(2));
    assert!(world.inbound.try_recv().is_err());
}

/// The pages for operators answer, and the metrics page is complete.
#[tokio::test]
async fn operators_see_the_platform() {
    let mut world = World::start(Limits::default()).await;
    let accepted = world.post("/v1/expressions", "", EXPRESSION).await;
    world.answer(Outcome::Value("16".into())).await;
    world
        .get(&format!("{}?wait=30s", accepted.header("location").unwrap()))
        .await;
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/v1/status",
        "/v1/sets",
        "/openapi.json",
    ] {
        assert_eq!(world.get(path).await.status(), 200, "{path}");
    }
    let page = world.get("/metrics").await;
    assert!(page.body().ends_with("# EOF\n"));
    assert!(page.body().contains("tally_answers_total{outcome=\"value\"} 1\n"));
    assert!(page.body().contains("tally_latency_seconds_count 1\n"));
}
