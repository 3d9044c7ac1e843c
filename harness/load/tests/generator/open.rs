//! Open loop: truth about time, and nothing is left unresolved.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tally_load::{Control, Options, Report, Shots, Spin, Submission, run, serialise};

use crate::sink::{Sink, accept, hold_until, reply};
use crate::{options, schedule};

const MS: Duration = Duration::from_millis(1);

fn fire(options: &Options, shots: &Shots) -> Report {
    run(options, shots, &Control::new(0).unwrap()).unwrap()
}

/// A server that takes 50 ms is recorded as taking at least that, for every request, with the id it gave.
#[test]
fn the_delay_of_the_server_is_the_recorded_latency() {
    let sink = Sink::start(|arrival| {
        hold_until(Instant::now() + 50 * MS);
        accept(arrival)
    });
    let report = fire(&options(sink.address), &schedule(sink.address, 20, 2 * MS));
    assert_eq!(
        (report.sent, report.dropped, report.refused, report.unknown),
        (20, 0, 0, 0)
    );
    for request in &report.requests {
        assert_eq!((request.status, request.attempts), (202, 1));
        assert_eq!(request.id.unwrap().0, u128::from(request.n));
        assert!(request.service_ns() >= 50_000_000, "{request:?}");
        assert!(request.response_ns() >= request.service_ns(), "{request:?}");
        assert!(request.sent_ns.unwrap() >= request.intended_ns, "{request:?}");
        assert!(request.first_byte_ns <= request.last_byte_ns, "{request:?}");
    }
    assert_eq!(report.lag.len(), 20);
}

/// While the server is frozen, requests are sent all the same, and each one's latency is what was left of the freeze:
/// no coordinated omission.
#[test]
fn a_frozen_server_shows_in_every_request_that_was_due_meanwhile() {
    let start = Instant::now() + 50 * MS;
    let thaw = start + 400 * MS;
    let sink = Sink::start(move |arrival| {
        hold_until(thaw);
        accept(arrival)
    });
    let options = Options {
        start,
        ..options(sink.address)
    };
    let report = fire(&options, &schedule(sink.address, 100, 4 * MS));
    assert_eq!((report.sent, report.starved, report.unknown), (100, 0, 0));
    for request in &report.requests {
        // The clock is related to `start` to within microseconds.
        let left = 400_000_000u64
            .saturating_sub(request.intended_ns)
            .saturating_sub(50_000);
        assert!(request.response_ns() >= left, "{request:?} ended before the thaw");
    }
    assert!(
        report.response_times().mean() >= 198e6,
        "the closed form has a mean of 202 ms"
    );
}

/// Requests due while nobody listens are tried again under their own key until the server is back.
#[test]
fn every_request_is_resolved_when_a_refusing_server_returns() {
    let reserved = TcpListener::bind("127.0.0.3:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let (live, resolved) = sync_channel(64);
    let options = Options {
        live: Some(live),
        ..options(address)
    };
    let shots = schedule(address, 30, MS);
    let running = thread::spawn(move || fire(&options, &shots));
    let silence = resolved.recv_timeout(150 * MS);
    assert_eq!(
        silence,
        Err(RecvTimeoutError::Timeout),
        "nothing can be resolved while nobody listens"
    );
    let sink = Sink::on(TcpListener::bind(address).unwrap(), accept);
    let report = running.join().unwrap();
    assert!(report.requests.iter().all(|request| request.status == 202));
    assert!(report.requests.iter().any(|request| request.attempts > 1));
    assert_eq!(sink.arrivals().len(), 30);
    assert_eq!(resolved.iter().count() as u64 + report.unforwarded, 30);
}

/// A response that is lost leaves the request unknown until a resubmission with the same key resolves it.
#[test]
fn a_lost_response_is_resolved_under_the_same_key() {
    let sink = Sink::start(|arrival| if arrival.seen < 2 { None } else { accept(arrival) });
    let report = fire(&options(sink.address), &schedule(sink.address, 25, MS));
    assert!(
        report
            .requests
            .iter()
            .all(|request| request.status == 202 && request.error.is_none())
    );
    let arrivals = sink.arrivals();
    assert_eq!(arrivals.len(), 25);
    assert!(arrivals.values().all(|count| *count == 3), "{arrivals:?}");
}

/// When the connections do not suffice, the wait is lag of the generator and the run is void, not slow.
#[test]
fn waiting_for_a_connection_is_lag_and_voids_the_run() {
    let sink = Sink::start(|arrival| {
        hold_until(Instant::now() + 50 * MS);
        accept(arrival)
    });
    let options = Options {
        connections_min: 1,
        connections_max: 1,
        ..options(sink.address)
    };
    let report = fire(&options, &schedule(sink.address, 3, Duration::ZERO));
    assert!(report.starved >= 2);
    assert!(report.requests[2].lag_ns().unwrap() >= 100_000_000);
    assert!(!report.is_valid(Duration::from_millis(150)));
    assert!(report.late >= 2);
}

/// 503 is the outcome, or is tried again, as the policy says.
#[test]
fn a_busy_server_is_an_outcome_or_a_reason_to_come_back() {
    for (busy, status, attempts) in [(false, 503, 1), (true, 202, 2)] {
        let sink = Sink::start(|arrival| match arrival.seen {
            0 => reply("503 Service Unavailable\r\nRetry-After: 0", "{}"),
            _ => accept(arrival),
        });
        let mut options = options(sink.address);
        options.retry.busy = busy;
        let report = fire(&options, &schedule(sink.address, 4, MS));
        for request in &report.requests {
            assert_eq!((request.status, request.attempts), (status, attempts));
            assert_eq!(request.retry_after, (!busy).then_some(0));
        }
    }
}

/// Requests larger than any socket buffer and responses in pieces pass unharmed, on several threads.
#[test]
fn large_requests_and_fragmented_responses_pass() {
    let sink = Sink::start(|arrival| {
        assert_eq!(arrival.body, 6_000_017);
        let whole = accept(arrival)?.concat();
        Some(whole.chunks(7).map(<[u8]>::to_vec).collect())
    });
    let text = "7".repeat(6_000_000);
    let mut shots = Shots::new();
    for n in 0..4u64 {
        let key = n.to_string();
        let submission = Submission {
            target: sink.address,
            expression: &text,
            idempotency_key: &key,
            tag: None,
            work_key: None,
        };
        shots.push(n, MS, |out| serialise(&submission, out));
    }
    let options = Options {
        threads: 2,
        ..options(sink.address)
    };
    let report = fire(&options, &shots);
    assert!(
        report
            .requests
            .iter()
            .all(|request| request.status == 202 && request.attempts == 1)
    );
    assert_eq!(
        report
            .requests
            .iter()
            .map(|request| request.n)
            .collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
}

/// Connections are warmed with a request of the caller's choice before the first shot.
#[test]
fn connections_are_warmed_before_the_start() {
    let sink = Sink::start(|arrival| match arrival.key.as_str() {
        "/warm" => reply("200 OK", "{}"),
        _ => accept(arrival),
    });
    let mut warm = Vec::new();
    tally_load::serialise_get(sink.address, "/warm", &mut warm);
    let options = Options {
        connections_min: 3,
        warm_up: Some(warm),
        start: Instant::now() + Duration::from_secs(1),
        ..options(sink.address)
    };
    let report = fire(&options, &schedule(sink.address, 1, MS));
    assert_eq!(sink.arrivals().get("/warm"), Some(&3));
    assert_eq!((report.cold, report.sent, report.requests[0].status), (0, 1, 202));
}

/// A listener that comes late gets every record, each once, and delays nothing.
#[test]
fn a_late_listener_misses_nothing() {
    let sink = Sink::start(accept);
    let (live, resolved) = sync_channel(1);
    let options = Options {
        live: Some(live),
        keep: false,
        ..options(sink.address)
    };
    let shots = schedule(sink.address, 1_500, MS / 20);
    let running = thread::spawn(move || fire(&options, &shots));
    while sink.arrivals().len() < 1_500 {
        thread::yield_now();
    }
    let mut numbers: Vec<u64> = resolved.iter().map(|sent| sent.n).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..1_500).collect::<Vec<u64>>());
    let report = running.join().unwrap();
    assert_eq!(
        (report.sent, report.unforwarded, report.requests.len()),
        (1_500, 0, 0)
    );
    assert!(report.spilled >= 1_400, "{}", report.spilled);
}

/// Stopping ends a run at once and counts what was not sent.
#[test]
fn stopping_drops_what_was_not_sent() {
    let sink = Sink::start(accept);
    let control = Control::new(0).unwrap();
    let (live, resolved) = sync_channel(8);
    let options = Options {
        live: Some(live),
        ..options(sink.address)
    };
    let mut shots = schedule(sink.address, 1, MS);
    for n in 1..5 {
        shots.push(n, Duration::from_hours(1), |out| {
            out.extend_from_slice(b"never");
        });
    }
    let running = {
        let control = control.clone();
        thread::spawn(move || run(&options, &shots, &control).unwrap())
    };
    assert_eq!(resolved.recv().unwrap().n, 0);
    control.stop();
    let report = running.join().unwrap();
    assert_eq!((report.sent, report.dropped), (1, 4));
    assert!(!report.is_valid(Duration::from_secs(1)));
}

/// Options that make no sense are refused with a remedy before anything is sent.
#[test]
fn senseless_options_are_refused() {
    let target = "127.0.0.1:1".parse().unwrap();
    let options = Options {
        connections_max: 0,
        ..options(target)
    };
    let error = run(&options, &Shots::new(), &Control::new(0).unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("connections_max") && error.contains("at least 1"),
        "{error}"
    );
}

/// Ends the busy threads, also when a test fails.
struct Calm<'a>(&'a AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// On a machine whose cores are all taken, two threads send side by side, and still every request arrives once.
#[test]
fn a_request_is_sent_once_whichever_thread_sends_it() {
    let sink = Sink::start(accept);
    let busy = AtomicBool::new(true);
    let cores = thread::available_parallelism().unwrap().get();
    let options = Options {
        spin: Spin::Adaptive(MS / 20),
        ..options(sink.address)
    };
    let report = thread::scope(|scope| {
        for _ in 0..2 * cores {
            scope.spawn(|| {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let _calm = Calm(&busy);
        fire(&options, &schedule(sink.address, 3_000, MS / 20))
    });
    let arrivals = sink.arrivals();
    assert_eq!(
        (arrivals.len(), report.sent, report.lag.len()),
        (3_000, 3_000, 3_000)
    );
    assert!(arrivals.values().all(|count| *count == 1));
    assert!(report.relieved <= report.sent);
}
