//! What an attacker does. Deadlines are made short; the tests wait for the server to act, never for a time.

use std::time::Duration;

use tally_model::Limits;

use super::world::{World, post};

fn hasty() -> Limits {
    Limits {
        body: 1000,
        head_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// A body of exactly the limit is read, one byte more is 413.
#[tokio::test]
async fn the_body_limit_is_exact() {
    let world = World::start(Limits {
        body: 1000,
        ..Limits::default()
    })
    .await;
    let frame = r#"{"expression":"1"}"#.len();
    for (length, status) in [(1000, 202), (1001, 413)] {
        let body = format!("{{\"expression\":{}\"1\"}}", " ".repeat(length - frame));
        assert_eq!(body.len(), length);
        assert_eq!(
            world.post("/v1/expressions", "", &body).await.status(),
            status,
            "{length}"
        );
    }
}

/// An upload without end is cut at the limit.
#[tokio::test]
async fn an_endless_upload_is_cut() {
    let world = World::start(Limits {
        body: 1000,
        ..Limits::default()
    })
    .await;
    let mut client = world.connect().await;
    client.write("POST /v1/expressions HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client
        .write(format!("{:x}\r\n{}\r\n", 1001, "1".repeat(1001)))
        .await;
    client.until("413").await;
    // It has been answered; the connection ends although the upload does not.
    client.rest().await;
}

/// Too many, or too large, header lines are 431.
#[tokio::test]
async fn a_header_flood_is_431() {
    let world = World::start(Limits::default()).await;
    let many = "a: b\r\n".repeat(10_000);
    let large = format!("a: {}\r\n", "b".repeat(20_000));
    for headers in [many, large] {
        let reply = world
            .send(format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n"))
            .await;
        assert_eq!(reply.status(), 431);
    }
    let long = format!("/v1/expressions/{}", "a".repeat(100_000));
    assert!(matches!(world.get(&long).await.status(), 414 | 431));
}

/// A new connection that never speaks, one that drips, and one that rests after a request are all closed.
#[tokio::test]
async fn silent_connections_are_closed() {
    let world = World::start(hasty()).await;
    let mut silent = world.connect().await;
    let mut dripping = world.connect().await;
    let mut resting = world.connect().await;
    resting.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    resting.until("ok").await;
    let drip = async {
        dripping.write("GET / HTTP/1.1\r\nx: ").await;
        let mut interval = tokio::time::interval(Duration::from_millis(20));
        while dripping.write("y").await {
            interval.tick().await;
        }
    };
    tokio::join!(silent.rest(), drip, resting.rest());
}

/// Each deadline acts alone: the others are far away.
#[tokio::test]
async fn each_deadline_acts_alone() {
    let far = Duration::from_hours(1);
    let near = Duration::from_millis(100);
    let limits = Limits {
        head_timeout: near,
        idle_timeout: far,
        ..Limits::default()
    };
    World::start(limits).await.connect().await.rest().await;
    let limits = Limits {
        head_timeout: far,
        idle_timeout: near,
        ..Limits::default()
    };
    let mut resting = World::start(limits).await.connect().await;
    resting.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    resting.until("ok").await;
    resting.rest().await;
}

/// A body that does not come is 408.
#[tokio::test]
async fn a_slow_body_is_408() {
    let world = World::start(hasty()).await;
    let mut client = world.connect().await;
    let request = post("/v1/expressions", "", r#"{"expression":"1"}"#);
    client.write(&request[..request.len() - 3]).await;
    assert_eq!(client.rest().await.status(), 408);
}

/// Both lengths in one head are refused in either order, whatever the spelling, and nothing behind them is served.
#[tokio::test]
async fn two_lengths_are_refused() {
    let world = World::start(Limits::default()).await;
    for lengths in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 5\r\n",
    ] {
        let request = format!(
            "POST /v1/parse HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n{lengths}\r\n1\r\n1\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        );
        let reply = world.send(request).await;
        assert_eq!(reply.status(), 400, "{}", reply.0);
        assert_eq!(reply.0.matches("HTTP/1.1").count(), 1, "{}", reply.0);
    }
    // Chunks alone are fine.
    let mut client = world.connect().await;
    client.write("POST /v1/parse HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n").await;
    client.until("200 OK").await;
}

/// Above the cap a connection is told 503; never do more handlers run than the cap allows; a closed one makes room.
#[tokio::test]
async fn connections_and_handlers_are_capped() {
    let cap = 4;
    let mut world = World::start(Limits {
        connections: cap,
        ..Limits::default()
    })
    .await;
    let accepted = world.post("/v1/expressions", "", r#"{"expression":"1"}"#).await;
    let path = accepted.header("location").unwrap().to_owned();
    let mut waiting = Vec::new();
    while world.door.gauge().waiting < cap as u64 {
        if waiting.len() < cap {
            let mut client = world.connect().await;
            let events = format!("GET {path}?wait=30s HTTP/1.1\r\nhost: x\r\n\r\n");
            client.write(events).await;
            waiting.push(client);
        }
        tokio::task::yield_now().await;
    }
    for _ in 0..3 * cap {
        let mut client = world.connect().await;
        let reply = client.rest().await;
        assert_eq!((reply.status(), reply.header("retry-after")), (503, Some("1")));
        assert_eq!(reply.json()["error"]["code"], "too_many_connections");
    }
    world.answer(tally_model::Outcome::Value("1".into())).await;
    for client in &mut waiting {
        client.until("done").await;
    }
    assert_eq!(world.door.most_active_requests(), cap);
    drop(waiting);
    while world.get("/healthz").await.status() != 200 {
        tokio::task::yield_now().await;
    }
}
