//! From an outbound message to a stored answer.

use std::time::Duration;

use tally_model::{Limits, Precondition, RequestId, Step};

use super::fake::World;
use crate::port::PortCommand;

const ID: RequestId = RequestId(7);

fn is_put(command: &PortCommand) -> bool {
    matches!(command, PortCommand::Put { .. })
}

/// An answer is stored, then published, then its message is deleted.
#[test]
fn a_message_is_deleted_only_after_its_answer_is_stored() {
    let mut world = World::new(Limits::default());
    world.broken = is_put;
    world.deliver(&world.answer(ID, "3"));
    assert_eq!((world.undeleted(), world.published.len()), (1, 0));
    world.heal();
    assert_eq!((world.undeleted(), world.published.len()), (0, 1));
    assert!(world.store.contains_key(&format!("answer/{ID}")));
}

/// However often and in whatever variety an answer comes, the first one stays; equal ones are reported once, every
/// different one is a violation.
#[test]
fn the_first_outcome_stays() {
    let mut world = World::new(Limits::default());
    world.deliver(&world.answer(ID, "3"));
    world.pass(Duration::from_secs(1));
    let again = world.answer(ID, "3");
    world.deliver(&again);
    world.deliver(&again);
    world.deliver(&world.answer(ID, "4"));
    world.deliver(&world.answer(ID, "5"));
    assert_eq!(world.undeleted(), 0);
    assert_eq!(world.published, [ID]);
    let steps: Vec<Step> = world.observed.iter().map(|o| o.step).collect();
    assert_eq!(
        steps,
        [
            Step::DuplicateOutcome,
            Step::ConflictingOutcome,
            Step::ConflictingOutcome
        ]
    );
    assert!(world.store[&format!("answer/{ID}")].contains("\"3\""));
    let gauge = world.gateway.gauge();
    assert_eq!((gauge.answered, gauge.duplicates, gauge.conflicts), (1, 2, 2));
}

/// A platform that gave up on one copy of a request and answered another does not contradict itself; the first outcome stays.
#[test]
fn giving_up_contradicts_nobody() {
    for (first, second) in [("3", "error:dead_lettered"), ("error:dead_lettered", "3")] {
        let mut world = World::new(Limits::default());
        world.deliver(&world.answer(ID, first));
        world.deliver(&world.answer(ID, second));
        let steps: Vec<Step> = world.observed.iter().map(|o| o.step).collect();
        assert_eq!((steps, world.undeleted()), (vec![Step::DuplicateOutcome], 0));
        assert!(world.store[&format!("answer/{ID}")].contains(&format!("\"{first}\"")));
        assert_eq!(world.gateway.gauge().conflicts, 0);
    }
}

/// The process died after the write and before anybody was told: the redelivery tells, and is no second outcome.
#[test]
fn an_answer_stored_by_an_earlier_life_is_published() {
    let mut world = World::new(Limits::default());
    let answer = world.answer(ID, "3");
    world
        .store
        .insert(format!("answer/{ID}"), serde_json::to_string(&answer).unwrap());
    world.deliver(&answer);
    assert_eq!((world.published.len(), world.undeleted()), (1, 0));
    assert!(world.observed.is_empty());
}

/// While the store is down the leases of held messages are extended and nothing new is received, so that nothing goes
/// to the dead-letter queue; then all of it is stored.
#[test]
fn an_outage_of_the_store_costs_no_receives() {
    let mut world = World::new(Limits::default());
    world.broken = is_put;
    world.deliver(&world.answer(ID, "3"));
    let receives = |world: &World| {
        let receive = |c: &&PortCommand| matches!(c, PortCommand::Receive { .. });
        world.commands.iter().filter(receive).count()
    };
    let before = receives(&world);
    for _ in 0..60 {
        world.fail(true);
        world.pass(Duration::from_secs(2));
    }
    // One receive was outstanding already when the trouble began.
    assert_eq!(receives(&world), before);
    let extends = world
        .commands
        .iter()
        .filter(|c| matches!(c, PortCommand::Extend { .. }))
        .count();
    assert!(extends >= 4, "{extends} extensions in 120 s of 30 s leases");
    world.heal();
    world.pass(Duration::from_secs(3));
    assert_eq!((world.published.len(), world.undeleted()), (1, 0));
}

/// What is not an answer is left for the dead-letter queue and does not stop the others.
#[test]
fn an_unreadable_message_harms_only_itself() {
    let mut world = World::new(Limits::default());
    world.deliver_text("{".into());
    world.deliver(&world.answer(ID, "3"));
    assert_eq!((world.published.len(), world.undeleted()), (1, 1));
    assert_eq!(world.gateway.gauge().unreadable, 1);
}

/// The machine never writes over an answer.
#[test]
fn every_write_demands_absence() {
    let mut world = World::new(Limits::default());
    world.submit(1, "1+2", None);
    world.deliver(&world.answer(world.accepted(1), "3"));
    let puts: Vec<_> = world
        .commands
        .iter()
        .filter_map(|command| match command {
            PortCommand::Put { when, .. } => Some(*when),
            _ => None,
        })
        .collect();
    assert_eq!(puts, [Precondition::Absent; 2]);
}
