//! The generator against servers that delay, freeze, refuse, lose and stammer.
//!
//! Only counts and lower bounds are asserted: a busy machine makes everything later, never earlier.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

mod closed;
mod fate;
mod listening;
mod open;
mod sink;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tally_load::{Options, RetryPolicy, Shots, Spin, Submission, serialise};

/// `count` submissions, one every `gap`; the key of each is its number.
pub(crate) fn schedule(target: SocketAddr, count: u64, gap: Duration) -> Shots {
    let mut shots = Shots::new();
    for n in 0..count {
        let key = n.to_string();
        let submission = Submission {
            target,
            expression: "(1+2)",
            idempotency_key: &key,
            tag: Some("test"),
            work_key: Some(n),
        };
        shots.push(n, gap * n as u32, |out| serialise(&submission, out));
    }
    shots
}

/// Options for a test: no real-time class, few connections, patient.
pub(crate) fn options(target: SocketAddr) -> Options {
    Options {
        connections_min: 2,
        connections_max: 256,
        spin: Spin::Off,
        realtime: false,
        start: Instant::now() + Duration::from_millis(20),
        deadline: Duration::from_mins(2),
        retry: RetryPolicy {
            attempt_timeout: Duration::from_mins(2),
            base: Duration::from_millis(1),
            cap: Duration::from_millis(5),
            attempts: u16::MAX,
            busy: false,
        },
        ..Options::to(target)
    }
}
