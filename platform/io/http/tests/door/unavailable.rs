//! What a client is told while the platform cannot do what it asks: 503, when to come back, and that nothing was lost.

use serde_json::json;
use tally_model::Limits;

use super::world::{Part, Reply, World, post};

const EXPRESSION: &str = r#"{"expression":"1+2"}"#;

/// Fails unless it is a 503 with this code and both forms of the time to wait.
fn is_503(reply: &Reply, code: &str) {
    assert_eq!(
        (reply.status(), reply.header("retry-after")),
        (503, Some("1")),
        "{}",
        reply.0
    );
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["code"], &error["retry_after_ms"]),
        (&json!(code), &json!(1000)),
        "{}",
        reply.0
    );
}

/// A port that fails is 503 with the time to come back, for those who submit and for those who read. With the same key the same request is
/// accepted once the port works, and is executed once.
#[tokio::test]
async fn a_failed_port_is_503_with_retry_after() {
    for part in [Part::Store, Part::Queue] {
        let mut world = World::start(Limits::default()).await;
        let key = "Idempotency-Key: k\r\n";
        world.fail(Some(part));
        let refused = world.post("/v1/expressions", key, EXPRESSION).await;
        is_503(&refused, "unavailable");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains("the disk is on fire") && message.contains("the same Idempotency-Key"),
            "{message}"
        );
        assert!(world.inbound.try_recv().is_err());
        if part == Part::Store {
            let id = "/v1/expressions/0123456789abcdef0123456789abcdef";
            for path in [id.to_owned(), format!("{id}?wait=1ms"), format!("{id}/events")] {
                is_503(&world.get(&path).await, "unavailable");
            }
        }
        world.fail(None);
        assert_eq!(world.post("/v1/expressions", key, EXPRESSION).await.status(), 202);
        assert_eq!(world.inbound.recv().await.unwrap().expression, "1+2");
        assert!(world.inbound.try_recv().is_err());
    }
}

/// A gateway with as many events before it as may wait is not asked: 503 with the time to come back, at once.
#[tokio::test]
async fn a_full_gateway_is_503_with_retry_after() {
    let (world, events) = World::unheard(Limits {
        connections: 1,
        ..Limits::default()
    })
    .await;
    let mut first = world.connect().await;
    first.write(post("/v1/expressions", "", EXPRESSION)).await;
    while events.is_empty() {
        tokio::task::yield_now().await;
    }
    // It goes, what it asked stays.
    drop(first);
    let id = "/v1/expressions/0123456789abcdef0123456789abcdef";
    for request in [
        post("/v1/expressions", "", EXPRESSION),
        format!("GET {id} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        format!("GET {id}/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    ] {
        let refused = loop {
            let reply = world.send(&request).await;
            // The connection before this one may not have ended yet.
            if reply.json()["error"]["code"] != "too_many_connections" {
                break reply;
            }
        };
        is_503(&refused, "unavailable");
        assert_eq!(events.len(), 1);
    }
}

/// A gateway whose queue has not answered yet is alive and not ready: 503 with the time to come back, until the queue answers.
#[tokio::test]
async fn a_gateway_without_its_queue_is_not_ready() {
    let world = World::start_with(Limits::default(), Some(Part::Queue)).await;
    is_503(&world.get("/readyz").await, "not_ready");
    assert_eq!(world.get("/v1/status").await.json()["ready"], json!(false));
    assert_eq!(world.get("/healthz").await.status(), 200);
    world.fail(None);
    while world.get("/readyz").await.status() != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.get("/v1/status").await.json()["ready"], json!(true));
}
