//! What is said of requests that were not answered.

use std::net::TcpListener;
use std::time::Duration;

use tally_load::{Control, Options, Report, RetryPolicy, SendError, Shots, run};

use crate::sink::{Sink, reply};
use crate::{options, schedule};

const MS: Duration = Duration::from_millis(1);

fn fire(options: &Options, shots: &Shots) -> Report {
    run(options, shots, &Control::new(0).unwrap()).unwrap()
}

/// Without an answer the end says what is known: refused if nothing can have arrived, unknown if something may have.
#[test]
fn what_cannot_be_resolved_is_refused_or_unknown_and_never_guessed() {
    let retry = RetryPolicy {
        attempts: 2,
        base: MS,
        cap: MS,
        ..RetryPolicy::default()
    };
    let reserved = TcpListener::bind("127.0.0.4:0").unwrap();
    let nobody = reserved.local_addr().unwrap();
    drop(reserved);
    let silent = Sink::start(|_| None).address;
    let chunked = Sink::start(|_| reply("200 OK\r\nTransfer-Encoding: chunked", "")).address;
    for (target, error, malformed) in [
        (nobody, SendError::Refused, 0),
        (silent, SendError::Unknown, 0),
        (chunked, SendError::Unknown, 10),
    ] {
        let options = Options {
            retry,
            ..options(target)
        };
        let report = fire(&options, &schedule(target, 5, MS));
        assert!(
            report
                .requests
                .iter()
                .all(|r| r.error == Some(error) && r.attempts == 2),
            "{error:?}"
        );
        assert_eq!(report.malformed, malformed);
        assert_eq!(report.malformed_reason.is_some(), malformed > 0);
        assert_eq!(report.refused + report.unknown, 5);
    }
}

/// A lost response and then "come back later": the first attempt may have been accepted, so the fate is unknown. Without the lost response it
/// is a refusal.
#[test]
fn busy_after_a_lost_response_is_no_refusal() {
    let busy = || reply("429 Too Many Requests", "");
    let silent_first = Sink::start(move |arrival| busy().filter(|_| arrival.seen > 0)).address;
    let busy_at_once = Sink::start(move |_| busy()).address;
    for (target, error, attempts) in [
        (silent_first, Some(SendError::Unknown), 2),
        (busy_at_once, None, 1),
    ] {
        let options = Options {
            retry: RetryPolicy {
                busy: false,
                base: MS,
                cap: MS,
                ..RetryPolicy::default()
            },
            ..options(target)
        };
        for request in fire(&options, &schedule(target, 3, MS)).requests {
            assert_eq!(
                (request.error, request.status, request.attempts),
                (error, 429, attempts)
            );
        }
    }
}

/// A server that takes the request and never answers is given up at the deadline, not waited for.
#[test]
fn a_deadline_ends_a_request_that_is_never_answered() {
    let sink = Sink::start(|_| Some(Vec::new()));
    let options = Options {
        deadline: 60 * MS,
        ..options(sink.address)
    };
    let report = fire(&options, &schedule(sink.address, 3, MS));
    assert_eq!(report.unknown, 3);
    assert!(
        report
            .requests
            .iter()
            .all(|request| request.response_ns() >= 60_000_000)
    );
}
