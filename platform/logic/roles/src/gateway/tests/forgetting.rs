//! What is left of a request when its retention is over: nothing, and its key is free.

use std::time::Duration;

use tally_model::{AnswerMessage, Limits, RequestId, Timing};

use super::fake::World;
use crate::gateway::{GatewayEvent, Response};
use crate::port::PortCommand;

const KEEP: Duration = Duration::from_mins(1);

fn world() -> World {
    let timing = Timing {
        retention: KEEP,
        ..Timing::default()
    };
    World::with(Limits::default(), timing, 0)
}

/// Submits under the key `nightly`, and answers.
fn use_key(world: &mut World, call: u64, expression: &str, value: &str) -> AnswerMessage {
    world.submit(call, expression, Some("nightly"));
    let answer = world.answer(world.accepted(call), value);
    world.deliver(&answer);
    answer
}

fn lookup(world: &mut World, call: u64, id: RequestId) -> Response {
    world.event(GatewayEvent::Lookup { call, id });
    world.response(call).clone()
}

fn is_delete(command: &PortCommand) -> bool {
    matches!(command, PortCommand::DeleteKey { .. })
}

fn is_get(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Get { .. })
}

/// An answer is readable until its retention is over, then it and the record of its request are removed.
#[test]
fn answers_are_removed_after_their_retention() {
    let mut world = world();
    for call in 0..300 {
        world.submit(call, "1+2", None);
        world.deliver(&world.answer(world.accepted(call), "3"));
    }
    assert_eq!(world.store.len(), 600);
    world.pass(Duration::from_secs(59));
    assert_eq!(world.store.len(), 600);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.store.len(), 0);
}

/// After the retention of its answer a key is free: another body is another request, which is pending until it has an answer of its
/// own, and keeps it for a retention of its own.
#[test]
fn a_key_is_free_after_its_retention() {
    let mut world = world();
    let first = use_key(&mut world, 1, "1+1", "2");
    world.submit(2, "2+2", Some("nightly"));
    assert_eq!(world.response(2), &Response::Conflict { id: first.id });
    world.pass(KEEP + Duration::from_secs(1));
    assert_eq!(
        lookup(&mut world, 3, first.id),
        Response::Unknown { id: first.id }
    );
    world.submit(4, "2+2", Some("nightly"));
    let id = world.accepted(4);
    assert_eq!(id, first.id);
    assert_eq!(lookup(&mut world, 5, id), Response::Pending { id });
    let second = world.answer(id, "4");
    world.deliver(&second);
    assert_eq!(world.gateway.gauge().pending, 0);
    world.pass(KEEP / 2);
    for call in 6..8 {
        let answer = second.clone().into();
        assert_eq!(lookup(&mut world, call, id), Response::Answered { answer });
        world.restart(Limits::default());
    }
    assert_eq!(world.published.len(), 2);
    assert_eq!(world.gateway.gauge().conflicts, 0);
}

/// While an answer is being removed its key is neither free nor taken: the client is asked to come again, and then it is free.
#[test]
fn nothing_is_taken_in_under_a_key_that_is_being_freed() {
    for broken in [is_get as fn(&PortCommand) -> bool, is_delete] {
        let mut world = world();
        use_key(&mut world, 1, "1+1", "2");
        world.broken = broken;
        world.pass(KEEP);
        assert_eq!(world.held.len(), 1, "being removed");
        for (call, expression) in [(2, "1+1"), (3, "2+2")] {
            world.submit(call, expression, Some("nightly"));
            assert!(matches!(world.response(call), Response::Unavailable { .. }));
        }
        world.heal();
        assert!(world.store.is_empty());
        use_key(&mut world, 4, "2+2", "4");
        assert_eq!(world.inbound.len(), 2);
        assert_eq!(world.gateway.gauge().troubles, 0);
    }
}

/// Who submits again while an answer comes of age is told that answer, which then stays: it is never removed under a request.
#[test]
fn an_answer_stays_for_who_asks_at_its_last_moment() {
    let mut world = world();
    let answer = use_key(&mut world, 1, "1+1", "2");
    world.broken = |command| matches!(command, PortCommand::Put { .. });
    world.submit(2, "1+1", Some("nightly"));
    world.pass(KEEP);
    assert_eq!(world.held.len(), 1, "nothing but the write of the record");
    world.heal();
    let found = answer.into();
    assert_eq!(world.response(2), &Response::Answered { answer: found });
    world.pass(KEEP);
    assert!(world.store.is_empty());
}

/// Another life, which has not searched the store yet.
fn restart_as_it_comes_of_age(world: &mut World) {
    world.pass(KEEP / 60 * 59);
    world.restart(Limits::default());
    world.pass(KEEP / 60);
}

/// The process died, or the store failed, between the two deletes: the key is free, and the old answer stands in nobody's way and is
/// nobody's answer.
#[test]
fn a_removal_that_stopped_half_way_harms_no_later_request() {
    for restarts in [true, false] {
        let mut world = world();
        let first = use_key(&mut world, 1, "1+1", "2");
        let (record, answer) = (format!("request/{}", first.id), format!("answer/{}", first.id));
        if restarts {
            world.store.remove(&record);
            restart_as_it_comes_of_age(&mut world);
        } else {
            world.broken =
                |command| matches!(command, PortCommand::DeleteKey { key, .. } if key.starts_with("answer/"));
            world.pass(KEEP);
            world.broken = |_| false;
            world.fail(true);
        }
        assert_eq!(world.store.keys().collect::<Vec<_>>(), [&answer]);
        world.submit(2, "2+2", Some("nightly"));
        let id = world.accepted(2);
        assert_eq!(lookup(&mut world, 3, id), Response::Pending { id });
        assert!(
            world.store.contains_key(&record),
            "the record of the later request stays"
        );
        let second = world.answer(id, "4");
        world.store.insert(answer, serde_json::to_string(&first).unwrap());
        world.deliver(&second);
        world.pass(Duration::from_secs(1));
        let found = second.into();
        assert_eq!(lookup(&mut world, 4, id), Response::Answered { answer: found });
        assert_eq!((world.gateway.gauge().conflicts, world.undeleted()), (0, 0));
    }
}

/// The same after one more death: who submits again is not told the answer to the earlier request of the key.
#[test]
fn a_retry_is_not_told_the_answer_to_an_earlier_request() {
    let mut world = world();
    let first = use_key(&mut world, 1, "1+1", "2");
    world.store.remove(&format!("request/{}", first.id));
    restart_as_it_comes_of_age(&mut world);
    world.submit(2, "2+2", Some("nightly"));
    world.restart(Limits::default());
    world.submit(3, "2+2", Some("nightly"));
    world.accepted(3);
}
