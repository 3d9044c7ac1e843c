//! Answers that are not remembered for removal go all the same.

use std::collections::BTreeSet;
use std::time::Duration;

use tally_model::{Instant, Limits, RequestId, Timing};

use super::fake::World;
use crate::gateway::ledger::Ledger;
use crate::gateway::naming::answer_key;
use crate::gateway::sweep::{PAGE, Sweep};
use crate::gateway::{GatewayCommand, Response};
use crate::port::PortCommand;

const KEEP: Duration = Duration::from_mins(10);

fn timing() -> Timing {
    Timing {
        retention: KEEP,
        ..Timing::default()
    }
}

fn lists(world: &World) -> usize {
    let is_list = |command: &&PortCommand| matches!(command, PortCommand::List { .. });
    world.commands.iter().filter(is_list).count()
}

fn answered(world: &mut World, calls: std::ops::Range<u64>) {
    for call in calls {
        world.submit(call, "1+2", None);
        world.deliver(&world.answer(world.accepted(call), "3"));
    }
}

/// What an earlier life stored is there for its retention, and goes a retention after the start at the latest; what this life stores
/// has a time of its own. Then nothing is searched any more.
#[test]
fn answers_of_an_earlier_life_go_by_themselves() {
    let mut world = World::with(Limits::default(), timing(), 0);
    answered(&mut world, 0..300);
    world.pass(KEEP / 10);
    world.restart(Limits::default());
    world.pass(KEEP / 10 * 8);
    answered(&mut world, 300..310);
    assert_eq!(world.store.len(), 620, "nothing goes before its time");
    world.pass(KEEP / 10 * 3);
    assert_eq!(world.store.len(), 20);
    world.pass(KEEP);
    assert!(world.store.is_empty());
    assert_eq!(world.gateway.gauge().expired, 310);
    let searched = lists(&world);
    world.pass(KEEP * 10);
    assert_eq!(lists(&world), searched);
}

/// A life that is shorter than a retention removes what is of age at half of it.
#[test]
fn short_lives_remove_what_is_of_age() {
    let mut world = World::with(Limits::default(), timing(), 0);
    answered(&mut world, 0..5);
    for _ in 0..2 {
        world.restart(Limits::default());
        assert_eq!(world.store.len(), 10);
        world.pass(KEEP / 10 * 6);
    }
    assert!(world.store.is_empty());
}

/// Beyond the bound of what is remembered the oldest are found by a sweep, as soon as they are of age.
#[test]
fn more_answers_than_are_remembered_go_too() {
    let mut world = World::with(Limits::default(), timing(), 0);
    world.pass(KEEP * 3);
    answered(&mut world, 0..3);
    let late = Instant::from_nanos(u64::MAX / 2);
    let gateway = &mut world.gateway;
    for id in 0..1_000_000 {
        gateway.retention.schedule(late, RequestId(id), &gateway.ledger);
    }
    let searched = lists(&world);
    world.pass(KEEP / 100 * 99);
    assert_eq!((world.store.len(), lists(&world)), (6, searched));
    world.pass(KEEP / 50);
    assert!(world.store.is_empty());
}

/// A store that cannot list is asked again, and who submits an answered request again at the moment of its removal is told the answer,
/// which goes a retention later.
#[test]
fn a_sweep_meets_trouble_and_clients() {
    let mut world = World::with(Limits::default(), timing(), 0);
    world.submit(1, "1+2", Some("k"));
    let answer = world.answer(world.accepted(1), "3");
    world.deliver(&answer);
    world.restart(Limits::default());
    world.broken = |command| matches!(command, PortCommand::List { .. });
    world.pass(KEEP / 2);
    world.fail(true);
    world.pass(KEEP);
    assert_eq!(world.held.len(), 1, "one page at a time");
    world.broken = |command| matches!(command, PortCommand::Put { .. });
    world.submit(2, "1+2", Some("k"));
    world.heal();
    let found = answer.into();
    assert_eq!(world.response(2), &Response::Answered { answer: found });
    world.pass(KEEP * 2);
    assert!(world.store.is_empty());
}

/// Every answer is on exactly one page, wherever ids lie close together, and no page is larger than it may be.
#[test]
fn a_sweep_sees_every_answer_once() {
    let now = Instant::from_nanos(1);
    let mut ledger = Ledger::new(Limits::default(), timing());
    let spread = (0..500_u128).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let edges = [0, u128::MAX, u128::MAX - 1];
    let close = (0..300).map(|n| 0xffff_ffff_0000_0000_0000_0000_ffff_ff00 + n);
    let ids: BTreeSet<u128> = spread.chain(edges).chain(close).collect();
    let keys: BTreeSet<String> = ids.into_iter().map(|id| answer_key(RequestId(id))).collect();
    let mut sweep = Sweep::default();
    sweep.left(now);
    let (mut seen, mut pages) = (Vec::new(), 0);
    let mut time = now;
    while let Some(due) = sweep.deadline(&ledger) {
        time = time.max(due);
        let mut out = Vec::new();
        sweep.wake(time, &mut ledger, &mut out);
        let Some(GatewayCommand::Port(PortCommand::List { prefix, limit, .. })) = out.pop() else {
            panic!("no page is asked for")
        };
        let page = keys.iter().filter(|key| key.starts_with(&prefix)).take(limit);
        seen.extend(sweep.read(time, page.cloned().collect(), &ledger));
        pages += 1;
    }
    assert!(keys.iter().eq(&seen), "{} of {}", seen.len(), keys.len());
    assert!(
        pages < keys.len(),
        "{pages} pages of {PAGE} for {} answers",
        keys.len()
    );
}
