//! Closed loop: a user sends its next request only after the answer to the one before.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use tally_load::{Control, Loop, Options, run};
use tally_model::RequestId;

use crate::sink::{Sink, accept};
use crate::{options, schedule};

/// Never more requests are open than there are users, and all get sent, whether 202 or the answer ends the wait.
#[test]
fn users_wait_for_their_answers() {
    const USERS: u64 = 3;
    const SHOTS: u64 = 20;
    for wait_for_answer in [false, true] {
        let sink = Sink::start(accept);
        let control = Control::new(8).unwrap();
        let (live, resolved) = sync_channel(64);
        let options = Options {
            live: Some(live),
            mode: Loop::Closed {
                users: USERS as u32,
                wait_for_answer,
            },
            ..options(sink.address)
        };
        let shots = schedule(sink.address, SHOTS, Duration::ZERO);
        let running = {
            let control = control.clone();
            thread::spawn(move || run(&options, &shots, &control).unwrap())
        };
        for answered in 0..SHOTS {
            let sent = resolved.recv().unwrap();
            if wait_for_answer {
                assert!(
                    sent.n < answered + USERS,
                    "request {} was sent after {answered} answers",
                    sent.n
                );
                assert!(control.answered(sent.id.unwrap()));
            }
        }
        let report = running.join().unwrap();
        assert_eq!((report.sent, report.unanswered), (SHOTS, 0));
        assert_eq!(sink.arrivals().len() as u64, SHOTS);
    }
}

/// An answer that overtakes its 202 is not forgotten.
#[test]
fn an_answer_may_overtake_its_acceptance() {
    let control = Control::new(64).unwrap();
    let early = control.clone();
    let sink = Sink::start(move |arrival| {
        assert!(early.answered(RequestId(arrival.key.parse().unwrap())));
        accept(arrival)
    });
    let options = Options {
        mode: Loop::Closed {
            users: 2,
            wait_for_answer: true,
        },
        ..options(sink.address)
    };
    let report = run(&options, &schedule(sink.address, 10, Duration::ZERO), &control).unwrap();
    assert_eq!((report.sent, report.unanswered), (10, 0));
}

/// A user whose answer never comes goes on at the deadline and is counted; a stopped loop drops the rest.
#[test]
fn a_user_without_an_answer_goes_on_at_the_deadline() {
    let sink = Sink::start(accept);
    let options = Options {
        mode: Loop::Closed {
            users: 1,
            wait_for_answer: true,
        },
        deadline: Duration::from_millis(200),
        ..options(sink.address)
    };
    let control = Control::new(8).unwrap();
    let report = run(&options, &schedule(sink.address, 3, Duration::ZERO), &control).unwrap();
    assert_eq!(report.sent + report.dropped, 3);
    assert_eq!(
        report.unanswered,
        report
            .requests
            .iter()
            .filter(|request| request.status == 202)
            .count() as u64
    );
    control.stop();
    let report = run(&options, &schedule(sink.address, 5, Duration::ZERO), &control).unwrap();
    assert_eq!((report.sent, report.dropped), (0, 5));
}
