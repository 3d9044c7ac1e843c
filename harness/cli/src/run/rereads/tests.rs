//! How much is asked of a platform, and when it is left alone.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::recorder::tests::Desk;
use super::*;

/// Answers every question with `reply`, or closes the connection, and counts them.
fn gateway(reply: Option<&'static str>) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut stream, mut line) = (stream, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                if line == "\r\n" {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let Some(reply) = reply else { break };
                    stream.write_all(reply.as_bytes()).unwrap();
                }
                line.clear();
            }
        }
    });
    (address, asked)
}

const PENDING: &str = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"status\":\"pending\"}";

fn accepted(count: u64) -> Desk {
    let desk = Desk::new();
    for n in 0..count {
        desk.sent(n, 202, Some(u128::from(n) + 1), None);
    }
    desk
}

/// A platform that does not answer is asked twice, not once for each of a thousand requests.
#[test]
fn a_silent_platform_is_left_alone() {
    let desk = accepted(1_000);
    let (address, asked) = gateway(None);
    let mut rereader = Rereader::new(address, &desk.recorder, Instant::now(), &|| false);
    assert_eq!(rereader.outstanding().len(), TROUBLES as usize);
    let after_one = asked.load(Ordering::SeqCst);
    assert!((1..=2 * TROUBLES).contains(&after_one), "{after_one}");
    rereader.some_outstanding();
    assert!(
        asked.load(Ordering::SeqCst) > after_one,
        "the next time it is tried again"
    );
}

/// Who is in a hurry gets the end of it at once.
#[test]
fn a_hurry_ends_the_questions() {
    let desk = accepted(100);
    let (address, asked) = gateway(Some(PENDING));
    let left = Cell::new(10);
    let hurried = || left.replace(left.get() - 1) <= 0;
    let mut rereader = Rereader::new(address, &desk.recorder, Instant::now(), &hurried);
    assert_eq!(rereader.outstanding().len(), 10);
    assert_eq!(asked.load(Ordering::SeqCst), 10);
}

/// One round asks for a bounded share, and the rounds together for all.
#[test]
fn rounds_ask_for_all_in_turn() {
    let desk = accepted(2 * ROUND as u64 + 1);
    let (address, asked) = gateway(Some(PENDING));
    let mut rereader = Rereader::new(address, &desk.recorder, Instant::now(), &|| false);
    let mut counts = Vec::new();
    for _ in 0..3 {
        rereader.some_outstanding();
        counts.push(asked.swap(0, Ordering::SeqCst));
    }
    assert_eq!(counts, [ROUND as u32, ROUND as u32, 1]);
}

/// A platform that is too full to say what became of a request is asked twice, not for five seconds for each of a thousand.
#[test]
fn a_full_platform_is_not_asked_about_every_request() {
    const FULL: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 9\r\nContent-Length: 2\r\n\r\n{}";
    let desk = Desk::new();
    for n in 0..1_000 {
        desk.sent(n, 0, None, Some(tally_load::SendError::Unknown));
    }
    let (target, asked) = gateway(Some(FULL));
    let address = Address {
        target,
        tag: "desk".into(),
        trial: 1,
        agents: 0,
    };
    let mut rereader = Rereader::new(target, &desk.recorder, Instant::now(), &|| false);
    rereader.unresolved(&address);
    assert_eq!(asked.load(Ordering::SeqCst), TROUBLES);
    assert_eq!(desk.recorder.unresolved().len(), 1_000, "all are still unknown");
}
