//! Server-sent events.

use tally_model::{Instant, Limits, Observation, Outcome, Step};

use super::world::World;

const EXPRESSION: &str = r#"{"expression":"1+2"}"#;

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

/// A subscriber gets the answers of its tag and no others.
#[tokio::test]
async fn answers_are_streamed_by_tag() {
    let mut world = World::start(Limits::default()).await;
    let mut client = world.connect().await;
    client.write(request("/v1/answers?tag=mine")).await;
    client.until("listening").await;
    world
        .post("/v1/expressions", "Tally-Tag: other\r\n", EXPRESSION)
        .await;
    let other = world.answer(Outcome::Value("3".into())).await;
    world
        .post("/v1/expressions", "Tally-Tag: mine\r\n", EXPRESSION)
        .await;
    let mine = world.answer(Outcome::Value("3".into())).await;
    let seen = client.until(&mine.id.to_string()).await;
    assert!(seen.contains("event: answer"), "{seen}");
    assert!(!seen.contains(&other.id.to_string()));
}

/// The events of one request are accepted and done, then the stream ends.
#[tokio::test]
async fn the_events_of_a_request_end_with_done() {
    let mut world = World::start(Limits::default()).await;
    let accepted = world.post("/v1/expressions", "", EXPRESSION).await;
    let mut client = world.connect().await;
    client
        .write(request(&format!(
            "{}/events",
            accepted.header("location").unwrap()
        )))
        .await;
    client.until("event: accepted").await;
    world.answer(Outcome::Value("3".into())).await;
    let seen = client.until("0\r\n\r\n").await;
    assert!(
        seen.contains("event: done") && seen.contains("\"value\":\"3\""),
        "{seen}"
    );
    assert_eq!(
        world
            .get("/v1/expressions/00000000000000000000000000000000/events")
            .await
            .status(),
        404
    );
}

/// The journal is replayed from the entry asked for, and continued.
#[tokio::test]
async fn observations_are_replayed_and_continued() {
    let world = World::start(Limits::default()).await;
    for at in 0..3 {
        world
            .door
            .observe(&Observation::new(Instant::from_nanos(at), Step::Decision));
    }
    let mut client = world.connect().await;
    client.write(request("/v1/observations?since=1")).await;
    let seen = client.until("\"at\":2").await;
    assert!(seen.contains("id: 1\n") && !seen.contains("\"at\":0"), "{seen}");
    world
        .door
        .observe(&Observation::new(Instant::from_nanos(77), Step::Decision));
    client.until("\"at\":77").await;
}
