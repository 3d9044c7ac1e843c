//! From a submission to 202.

use tally_model::{Failure, Limits, RequestId};

use super::fake::World;
use crate::gateway::Response;
use crate::port::PortCommand;

fn is_put(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Put { .. })
}

fn is_send(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Send { .. })
}

fn is_entry(command: &PortCommand) -> bool {
    matches!(command, PortCommand::PutAndSend { .. })
}

/// 202 is not said while the record, or the message, is not durable, and the message is not sent before the record.
#[test]
fn accepted_means_that_record_and_message_are_durable() {
    for broken in [is_put as fn(&PortCommand) -> bool, is_send] {
        let mut world = World::new(Limits::default());
        world.broken = broken;
        world.submit(1, "1+2", None);
        assert!(world.responses.is_empty());
        assert!(world.inbound.is_empty());
        world.heal();
        let id = world.accepted(1);
        assert_eq!(world.inbound.len(), 1);
        assert_eq!(world.inbound[0].id, id);
        assert!(world.store.contains_key(&format!("request/{id}")));
    }
}

/// The same body under one key is the same request, another body a clash, before and after the broken port heals; returns its id.
fn told_apart(world: &mut World) -> RequestId {
    world.submit(1, "1+2", Some("k"));
    world.submit(2, "1+2", Some("k"));
    world.submit(3, "1+3", Some("k"));
    assert_eq!(world.responses.len(), 1, "only the clash is answered");
    world.heal();
    let id = world.accepted(1);
    assert_eq!(world.accepted(2), id);
    assert_eq!(world.response(3), &Response::Conflict { id });
    world.submit(4, "1+2", Some("k"));
    world.submit(5, "1+3", Some("k"));
    assert_eq!(world.accepted(4), id);
    assert_eq!(world.response(5), &Response::Conflict { id });
    assert_eq!(world.inbound.len(), 1, "sent once");
    id
}

/// Where store and queue are one, record and message are one write, and 202 is not said before it is durable.
#[test]
fn record_and_message_are_one_write_where_they_can_be() {
    let mut world = World::joint(Limits::default());
    world.broken = is_entry;
    let id = told_apart(&mut world);
    assert_eq!(world.inbound[0].id, id);
    assert!(!world.commands.iter().any(|it| is_put(it) || is_send(it)));
    assert_eq!(world.gateway.gauge().pending, 1);
}

/// What may be received before it is durable can be answered before the store says that it is in: it is accepted all the same, and
/// nothing is left pending.
#[test]
fn an_answer_may_come_before_its_request_is_known_to_be_in() {
    let mut world = World::joint(Limits::default());
    world.broken = is_entry;
    world.submit(1, "1+2", None);
    assert_eq!(world.gateway.gauge().pending, 1);
    let answer = world.answer(RequestId(1001), "3");
    world.deliver(&answer);
    world.heal();
    assert_eq!(world.accepted(1), answer.id);
    assert_eq!(world.gateway.gauge().pending, 0);
}

/// A joint write that failed may have been done: the client is told to try again, and a retry is sent once more.
#[test]
fn a_failed_entry_is_tried_again_by_the_client() {
    let mut world = World::joint(Limits::default());
    world.broken = is_entry;
    world.submit(1, "1+2", Some("k"));
    world.fail(true);
    assert!(matches!(world.response(1), Response::Unavailable { .. }));
    assert_eq!(world.gateway.gauge().pending, 0);
    world.broken = |_| false;
    world.submit(2, "1+2", Some("k"));
    world.accepted(2);
    assert_eq!(world.inbound.len(), 1);
}

/// Text that is not an expression is refused before anything is written.
#[test]
fn what_does_not_parse_touches_no_port() {
    let mut world = World::new(Limits::default());
    let ports = world.commands.len();
    let deep = "(".repeat(5000);
    for (call, text, failure) in [
        (1, "1+", Failure::Syntax),
        (2, "", Failure::Syntax),
        (3, deep.as_str(), Failure::TooDeep),
    ] {
        world.submit(call, text, None);
        match world.response(call) {
            Response::Refused {
                failure: found,
                diagnostics,
            } => {
                assert_eq!((*found, diagnostics.is_empty()), (failure, false), "{call}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.commands.len(), ports);
}

/// A key is one request: the same body gets the same id and one message, another body is a conflict; while the first is
/// under way, after it was accepted, and after a restart.
#[test]
fn a_key_names_one_request() {
    let mut world = World::new(Limits::default());
    world.broken = is_send;
    let id = told_apart(&mut world);
    world.restart(Limits::default());
    world.submit(6, "1+3", Some("k"));
    assert_eq!(world.response(6), &Response::Conflict { id });
    world.submit(7, "1+2", Some("other"));
    assert_ne!(world.accepted(7), id);
}

/// The process died between record and message: the retry sends the message, with the first acceptance time.
#[test]
fn a_retry_completes_what_an_earlier_life_began() {
    let mut world = World::new(Limits::default());
    world.broken = is_send;
    let first = world.now;
    world.submit(1, "1+2", Some("k"));
    world.broken = |_| false;
    world.restart(Limits::default());
    assert!(world.inbound.is_empty());
    world.now = world.now + std::time::Duration::from_secs(5);
    world.submit(2, "1+2", Some("k"));
    let id = world.accepted(2);
    assert_eq!(
        world
            .inbound
            .iter()
            .map(|m| (m.id, m.accepted))
            .collect::<Vec<_>>(),
        [(id, first)]
    );
}

/// A retry of a request that is answered is answered, from memory and from the store.
#[test]
fn a_retry_of_an_answered_request_is_its_answer() {
    let mut world = World::new(Limits::default());
    world.submit(1, "1+2", Some("k"));
    let answer = world.answer(world.accepted(1), "3");
    world.deliver(&answer);
    for call in 2..4 {
        world.submit(call, "1+2", Some("k"));
        match world.response(call) {
            Response::Answered { answer: found } => assert_eq!(**found, answer),
            other => panic!("{other:?}"),
        }
        world.restart(Limits::default());
    }
    assert_eq!(world.inbound.len(), 1);
}

/// The bound counts requests without an outcome, also those of an earlier life, and an outcome makes room.
#[test]
fn above_the_bound_a_submission_is_refused_until_an_outcome_makes_room() {
    let limits = Limits {
        pending: 3,
        ..Limits::default()
    };
    let mut world = World::with(limits, tally_model::Timing::default(), 1);
    world.submit(1, "1+2", None);
    world.submit(2, "1+2", None);
    world.submit(3, "1+2", None);
    assert!(matches!(world.response(3), Response::Busy { .. }));
    let answer = world.answer(world.accepted(1), "3");
    world.deliver(&answer);
    world.submit(4, "1+2", None);
    world.accepted(4);
    let stranger = world.answer(RequestId(99), "3");
    world.deliver(&stranger);
    world.submit(5, "1+2", None);
    world.accepted(5);
    world.submit(6, "1+2", None);
    assert!(matches!(world.response(6), Response::Busy { .. }));
    assert_eq!(world.inbound.len(), 4, "what was refused was never sent");
}

/// A store that fails is 503 at once; a queue that fails is tried again, and only then 503.
#[test]
fn trouble_is_told_and_leaves_no_trace_in_the_count() {
    let mut world = World::new(Limits::default());
    world.broken = is_put;
    world.submit(1, "1+2", None);
    world.fail(true);
    assert!(matches!(world.response(1), Response::Unavailable { .. }));
    world.broken = is_send;
    world.submit(2, "1+2", None);
    let mut tries = 0;
    while !world.held.is_empty() {
        world.fail(true);
        tries += 1;
        world.pass(std::time::Duration::from_secs(3));
    }
    assert_eq!(tries, 3);
    assert!(matches!(world.response(2), Response::Unavailable { .. }));
    assert_eq!(world.gateway.gauge().pending, 0);
}

/// While sends are under way later messages collect, and go out together.
#[test]
fn messages_are_sent_in_groups() {
    let mut world = World::new(Limits::default());
    world.broken = is_send;
    for call in 0..500 {
        world.submit(call, "1+2", None);
    }
    assert_eq!(world.held.len(), 2);
    world.heal();
    assert_eq!(world.inbound.len(), 500);
    let sends = world.commands.iter().filter(|c| is_send(c)).count();
    assert!(sends <= 5, "{sends} sends for 500 messages");
}
