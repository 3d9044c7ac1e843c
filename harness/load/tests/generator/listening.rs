//! The answer stream and the blocking client.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tally_load::{AnswerStream, Client, ClientError, StreamEvent, Submission};
use tally_model::RequestId;

use crate::sink::{Sink, accept, reply};

const PATIENCE: Duration = Duration::from_mins(2);

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn answer(n: u128) -> String {
    format!("data: {{\"id\":\"{n:032x}\",\"outcome\":{{}}}}\n\n")
}

/// Answers come with their id and bytes; when the stream ends it is opened again and the gap is told.
#[test]
fn a_lost_stream_is_opened_again_and_the_gap_is_told() {
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let sink = Sink::start(move |arrival| {
        assert_eq!(arrival.key, "/v1/answers?tag=blue");
        let n = arrival.seen as u128;
        let mut pieces = vec![head.clone(), chunk(":alive\n\n")];
        pieces.extend(chunk(&answer(n)).chunks(11).map(<[u8]>::to_vec));
        pieces.push(if arrival.seen == 0 {
            b"0\r\n\r\n".to_vec()
        } else {
            chunk("event: lost\ndata: {\"lost\":17}\n\ndata: {}\n\n")
        });
        Some(pieces)
    });
    let start = Instant::now();
    let (stream, events) = AnswerStream::open(sink.address, "blue", start, 16).unwrap();
    let next = || events.recv_timeout(PATIENCE).unwrap();
    let StreamEvent::Answer(first) = next() else {
        panic!("an answer")
    };
    assert_eq!(first.id, RequestId(0));
    assert_eq!(
        String::from_utf8(first.json).unwrap(),
        answer(0).trim()["data: ".len()..]
    );
    let StreamEvent::Lost { from_ns, to_ns } = next() else {
        panic!("a gap")
    };
    assert!(first.at_ns <= from_ns && from_ns <= to_ns);
    let StreamEvent::Answer(second) = next() else {
        panic!("an answer")
    };
    assert_eq!(second.id, RequestId(1));
    assert!(second.at_ns >= first.at_ns);
    assert_eq!(next(), StreamEvent::Dropped(17));
    assert_eq!(next(), StreamEvent::Unreadable(b"{}".to_vec()));
    drop(stream);
    assert!(events.recv_timeout(PATIENCE).is_err(), "a dropped stream ends");
}

/// Whatever is not an event stream is an error at once, not a silent wait.
#[test]
fn what_is_no_event_stream_is_an_error() {
    let missing = Sink::start(|_| reply("404 Not Found", "")).address;
    let closing = Sink::start(|_| None).address;
    for target in [missing, closing, nobody()] {
        assert!(AnswerStream::open(target, "x", Instant::now(), 1).is_err());
    }
}

/// A submission is repeated under its key through lost connections and busy replies until there is one outcome.
#[test]
fn a_submission_is_repeated_until_it_has_an_outcome() {
    let sink = Sink::start(|arrival| match arrival.seen {
        0 => None,
        1 => reply("503 Service Unavailable\r\nRetry-After: 0", "{}"),
        _ => accept(arrival),
    });
    let mut client = Client::new(sink.address, PATIENCE);
    let submission = Submission {
        target: sink.address,
        expression: "1+1",
        idempotency_key: "17",
        tag: None,
        work_key: None,
    };
    let reply = client.submit(&submission, PATIENCE).unwrap();
    assert_eq!(reply.status, 202);
    assert_eq!(sink.arrivals().get("17"), Some(&3));
}

/// A connection that the server closed between two reads is replaced without the caller noticing.
#[test]
fn a_stale_connection_is_replaced() {
    static ARRIVALS: AtomicUsize = AtomicUsize::new(0);
    let sink = Sink::start(|arrival| match ARRIVALS.fetch_add(1, Ordering::SeqCst) {
        1 => None,
        _ => reply("200 OK", &arrival.key),
    });
    let mut client = Client::new(sink.address, PATIENCE);
    assert_eq!(client.status().unwrap().body, b"/v1/status");
    let wait = Some(Duration::from_secs(2));
    let path = format!("/v1/expressions/{:032x}?wait=2000ms", 5);
    assert_eq!(
        client.expression(RequestId(5), wait).unwrap().body,
        path.as_bytes()
    );
    assert_eq!(sink.arrivals().get(&path), Some(&2));
}

/// Errors name the address and the remedy.
#[test]
fn errors_of_the_client_name_place_and_remedy() {
    let target = nobody();
    let error = Client::new(target, PATIENCE).status().unwrap_err();
    assert!(matches!(error, ClientError::Io { .. }));
    let text = error.to_string();
    assert!(
        text.contains(&target.to_string()) && text.contains("tally status"),
        "{text}"
    );
    let chunked = Sink::start(|_| reply("200 OK\r\nTransfer-Encoding: chunked", ""));
    let error = Client::new(chunked.address, PATIENCE).status().unwrap_err();
    assert!(matches!(error, ClientError::Malformed { .. }), "{error}");
}

/// An address of its own, so that no sink of another test can come to listen there.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}
