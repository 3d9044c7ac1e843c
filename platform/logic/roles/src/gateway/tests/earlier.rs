//! Requests that are submitted again: above the bound, and in a later life.

use std::time::Duration;

use tally_model::{Limits, RequestId, Timing};

use super::fake::World;
use crate::gateway::{GatewayEvent, Response};
use crate::port::{PortCommand, PortEvent};

fn is_get(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Get { .. })
}

fn is_put(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Put { .. })
}

fn is_send(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Send { .. })
}

fn limits(pending: usize) -> Limits {
    Limits {
        pending,
        ..Limits::default()
    }
}

fn assert_busy(world: &World, call: u64) {
    let response = world.response(call);
    assert!(matches!(response, Response::Busy { .. }), "{call}: {response:?}");
}

/// *Never executed* is said of no request that was accepted: above the bound, too, the same request again gets its state, another body
/// is a clash, and only a key that nobody used is turned away. In this life and in the next.
#[test]
fn a_full_gateway_turns_away_only_what_was_never_accepted() {
    let mut world = World::new(limits(2));
    world.submit(1, "1+1", Some("answered"));
    let answer = world.answer(world.accepted(1), "2");
    world.deliver(&answer);
    world.submit(2, "2+2", Some("pending"));
    world.submit(3, "3+3", Some("other"));
    let id = world.accepted(2);
    world.depth = 2;
    for call in [10, 20, 30] {
        assert_eq!(world.gateway.gauge().pending, 2);
        world.submit(call, "2+2", Some("pending"));
        assert_eq!(world.accepted(call), id);
        world.submit(call + 1, "2+3", Some("pending"));
        assert_eq!(world.response(call + 1), &Response::Conflict { id });
        world.submit(call + 2, "1+1", Some("answered"));
        let found = answer.clone().into();
        assert_eq!(world.response(call + 2), &Response::Answered { answer: found });
        let writes = world.commands.iter().filter(|it| is_put(it)).count();
        world.submit(call + 3, "4+4", Some("new"));
        assert_busy(&world, call + 3);
        let asked = world.commands.len();
        world.submit(call + 4, "4+4", None);
        assert_busy(&world, call + 4);
        assert_eq!(world.commands.len(), asked, "without a key nobody is asked");
        assert_eq!(world.commands.iter().filter(|it| is_put(it)).count(), writes);
        world.restart(limits(2));
    }
    assert!(world.inbound.iter().all(|request| request.expression != "4+4"));
}

/// Room that is made while the store is asked is used.
#[test]
fn room_that_was_made_meanwhile_is_used() {
    let mut world = World::new(limits(1));
    world.submit(1, "1+1", None);
    let answer = world.answer(world.accepted(1), "2");
    world.broken = is_get;
    world.submit(2, "2+2", Some("k"));
    world.deliver(&answer);
    world.heal();
    world.accepted(2);
    assert_eq!(world.gateway.gauge().pending, 1);
}

/// Questions about unknown keys are bounded; beyond, a submission is not called refused, because nobody knows. Trouble of the store is
/// told, and leaves room for other questions.
#[test]
fn questions_of_a_full_gateway_are_bounded() {
    let mut world = World::new(limits(1));
    world.submit(0, "1+1", Some("taken"));
    let id = world.accepted(0);
    for round in [1, 10_000] {
        world.broken = is_get;
        for call in round..round + 1024 {
            world.submit(call, "2+2", Some(&call.to_string()));
        }
        world.submit(round + 2000, "2+2", Some("one more"));
        let beyond = world.response(round + 2000);
        assert!(matches!(beyond, Response::Unavailable { .. }), "{beyond:?}");
        world.fail(true);
        world.submit(round + 2002, "2+2", Some("in its place"));
        world.submit(round + 2001, "1+1", Some("taken"));
        world.heal();
        assert!(matches!(world.response(round), Response::Unavailable { .. }));
        (round + 1..round + 1024).for_each(|call| assert_busy(&world, call));
        assert_eq!(world.accepted(round + 2001), id);
        assert_busy(&world, round + 2002);
    }
    assert_eq!(world.gateway.gauge().pending, 1);
}

/// When the answer to a request of an earlier life comes, seen from its submission in this one.
#[derive(Clone, Copy, Debug)]
enum Answered {
    Before,
    WhileRecorded,
    WhileAsked,
    WhileSent,
    After,
    AfterFailedSend,
}

/// A request of an earlier life is counted once, however its retry and its answer meet: after the last answer nothing is pending.
#[test]
fn a_request_of_an_earlier_life_is_counted_once() {
    use Answered::{After, AfterFailedSend, Before, WhileAsked, WhileRecorded, WhileSent};
    for joint in [false, true] {
        for answered in [
            Before,
            WhileRecorded,
            WhileAsked,
            WhileSent,
            After,
            AfterFailedSend,
        ] {
            submitted_again(joint, 20_000, answered);
        }
        for answered in [WhileAsked, WhileSent, After, AfterFailedSend] {
            submitted_again(joint, 3, answered);
        }
    }
}

fn submitted_again(joint: bool, room: usize, answered: Answered) {
    let mut world = World::new(limits(room));
    for (call, key) in [(1, "a"), (2, "b"), (3, "c")] {
        world.submit(call, "1+1", Some(key));
    }
    let ids = [1, 2, 3].map(|call| world.accepted(call));
    world.depth = 3;
    world.pass(Duration::from_secs(1));
    world.restart(limits(room));
    if joint {
        world.gateway.enter_at_once();
    }
    assert_eq!(world.gateway.gauge().pending, 3);
    for (call, key, id) in [(10, "c", ids[2]), (20, "a", ids[0]), (30, "b", ids[1])] {
        meet(&mut world, call, key, id, answered);
    }
    for id in ids {
        let answer = world.answer(id, "2");
        world.deliver(&answer);
        world.deliver(&answer);
    }
    assert_eq!(
        world.gateway.gauge().pending,
        0,
        "{answered:?}, joint {joint}, room for {room}"
    );
    assert_eq!(world.published.len(), 3);
}

fn meet(world: &mut World, call: u64, key: &str, id: RequestId, answered: Answered) {
    let answer = world.answer(id, "2");
    match answered {
        Answered::Before => world.deliver(&answer),
        Answered::WhileRecorded => {
            world.broken = |command| {
                matches!(command, PortCommand::Put { key, .. } if key.starts_with("request/"))
                    || matches!(command, PortCommand::PutAndSend { .. })
            };
        }
        Answered::WhileAsked => world.broken = is_get,
        Answered::WhileSent | Answered::AfterFailedSend => world.broken = is_send,
        Answered::After => {}
    }
    world.submit(call, "1+1", Some(key));
    match answered {
        Answered::Before | Answered::After => {}
        Answered::WhileRecorded | Answered::WhileAsked | Answered::WhileSent => world.deliver(&answer),
        Answered::AfterFailedSend => {
            world.fail(false);
            assert!(matches!(world.response(call), Response::Unavailable { .. }));
            world.submit(call + 1, "1+1", Some(key));
            world.fail(false);
            assert_eq!(world.gateway.gauge().pending, 3, "its message may still be there");
        }
    }
    world.heal();
    let told = world.response(call);
    let fits = match answered {
        Answered::Before | Answered::WhileRecorded | Answered::WhileAsked => {
            matches!(told, Response::Answered { .. })
        }
        Answered::WhileSent | Answered::After => told == &Response::Accepted { id },
        Answered::AfterFailedSend => matches!(told, Response::Unavailable { .. }),
    };
    assert!(fits, "{answered:?}: {told:?}");
}

/// The answer was collected after the store had said that there is none: it is told, and nothing is sent that nobody would answer.
#[test]
fn an_answer_overtakes_the_question_of_a_retry() {
    let mut world = World::new(limits(9));
    world.submit(1, "1+1", Some("k"));
    let answer = world.answer(world.accepted(1), "2");
    world.depth = 1;
    world.restart(limits(9));
    world.broken = is_get;
    world.submit(2, "1+1", Some("k"));
    world.deliver(&answer);
    let Some(PortCommand::Get { token, .. }) = world.held.pop_front() else {
        panic!("the store is not asked")
    };
    world.event(GatewayEvent::Port(PortEvent::Got(token, Ok(None))));
    let found = answer.into();
    assert_eq!(world.response(2), &Response::Answered { answer: found });
    assert_eq!((world.gateway.gauge().pending, world.inbound.len()), (0, 1));
}

/// A retry of what this life began takes no place of an earlier one.
#[test]
fn a_retry_in_the_same_life_is_no_request_of_an_earlier_one() {
    let mut world = World::with(limits(9), Timing::default(), 1);
    world.broken = is_send;
    world.submit(1, "1+1", Some("k"));
    world.fail(false);
    assert!(matches!(world.response(1), Response::Unavailable { .. }));
    world.broken = |_| false;
    world.submit(2, "1+1", Some("k"));
    world.accepted(2);
    assert_eq!(world.gateway.gauge().pending, 2);
}
