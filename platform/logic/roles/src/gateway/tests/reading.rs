//! Clients that ask for an answer.

use std::time::Duration;

use tally_model::{Limits, RequestId};

use super::fake::World;
use crate::gateway::{GatewayEvent, Response};
use crate::port::PortCommand;

fn is_get(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Get { .. })
}

fn lookup(call: u64, id: RequestId) -> GatewayEvent {
    GatewayEvent::Lookup { call, id }
}

/// Every id is one of unknown, pending and answered, in this life and in the next.
#[test]
fn a_lookup_tells_what_is_known() {
    let mut world = World::new(Limits::default());
    world.submit(1, "1+2", None);
    let id = world.accepted(1);
    world.event(lookup(2, id));
    assert_eq!(world.response(2), &Response::Pending { id });
    world.restart(Limits::default());
    world.event(lookup(3, id));
    assert_eq!(world.response(3), &Response::Pending { id });
    world.deliver(&world.answer(id, "3"));
    world.event(lookup(4, id));
    world.restart(Limits::default());
    world.event(lookup(5, id));
    for call in [4, 5] {
        assert!(matches!(world.response(call), Response::Answered { .. }));
    }
    let stranger = RequestId(12345);
    world.event(lookup(6, stranger));
    assert_eq!(world.response(6), &Response::Unknown { id: stranger });
}

/// Who waits is told as soon as the answer is stored, and at the end of the wait in any case.
#[test]
fn a_wait_ends_with_the_answer_or_with_its_time() {
    let mut world = World::new(Limits::default());
    world.submit(1, "1+2", None);
    let id = world.accepted(1);
    let until = world.now + Duration::from_secs(5);
    world.event(GatewayEvent::Wait { call: 2, id, until });
    world.pass(Duration::from_secs(4));
    assert_eq!(world.responses.len(), 1);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.response(2), &Response::Pending { id });
    let until = world.now + Duration::from_secs(5);
    world.event(GatewayEvent::Wait { call: 3, id, until });
    world.event(GatewayEvent::Wait { call: 4, id, until });
    world.event(GatewayEvent::Cancel { call: 4 });
    world.deliver(&world.answer(id, "3"));
    assert!(matches!(world.response(3), Response::Answered { .. }));
    assert!(world.responses.iter().all(|(call, _)| *call != 4));
    assert_eq!(world.gateway.gauge().waiting, 0);
}

/// A client may not hold a wait longer than the limit.
#[test]
fn a_wait_is_bounded_by_the_limit() {
    let limits = Limits {
        wait: Duration::from_secs(3),
        ..Limits::default()
    };
    let mut world = World::new(limits);
    world.submit(1, "1+2", None);
    let id = world.accepted(1);
    let until = world.now + Duration::from_hours(1);
    world.event(GatewayEvent::Wait { call: 2, id, until });
    world.pass(Duration::from_secs(4));
    assert_eq!(world.response(2), &Response::Pending { id });
}

/// Many questions about one request cost one read.
#[test]
fn questions_about_one_request_share_a_read() {
    let mut world = World::new(Limits::default());
    world.broken = is_get;
    let id = RequestId(5);
    for call in 0..100 {
        world.event(lookup(call, id));
    }
    assert_eq!(world.held.len(), 1);
    world.heal();
    for call in 0..100 {
        assert_eq!(world.response(call), &Response::Unknown { id });
    }
}

/// A store that fails is told to everybody who asked.
#[test]
fn trouble_is_told_to_all_who_asked() {
    let mut world = World::new(Limits::default());
    world.broken = is_get;
    let id = RequestId(5);
    world.event(lookup(1, id));
    world.event(lookup(2, id));
    world.fail(true);
    for call in [1, 2] {
        assert!(matches!(world.response(call), Response::Unavailable { .. }));
    }
}

/// The answer comes while the store is being asked: the waiters are told, the late read tells nobody twice.
#[test]
fn an_answer_overtakes_a_read() {
    let mut world = World::new(Limits::default());
    world.broken = is_get;
    let id = RequestId(5);
    world.event(lookup(1, id));
    world.deliver(&world.answer(id, "3"));
    assert!(matches!(world.response(1), Response::Answered { .. }));
    world.heal();
    assert_eq!(world.responses.len(), 1);
}
