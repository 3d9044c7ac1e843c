//! What the queue model promises, on random histories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tally_model::{Depth, Instant, QueueName, Receipt};
use tally_substrate::{MessageId, Placement, Policy, QueueId, Queues, Redrive, Settings};

const SETTINGS: Settings = Settings {
    visibility: Duration::from_secs(10),
    receives: 3,
};

#[derive(Clone, Debug)]
enum Step {
    Send(QueueName),
    Receive(QueueName, usize),
    /// Index into every receipt ever given out, the stale ones included.
    Delete(usize),
    Extend(usize, u64),
    Pass(u64),
    Restart,
}

fn queue() -> impl Strategy<Value = QueueName> {
    prop::sample::select(vec![QueueName::Inbound, QueueName::Outbound, QueueName::Dead])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => queue().prop_map(Step::Send),
        4 => (queue(), 1..4usize).prop_map(|(queue, limit)| Step::Receive(queue, limit)),
        3 => any::<prop::sample::Index>().prop_map(|index| Step::Delete(index.index(1 << 20))),
        2 => (any::<prop::sample::Index>(), 0..20u64)
            .prop_map(|(index, seconds)| Step::Extend(index.index(1 << 20), seconds)),
        2 => (0..15u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

/// A receipt that was given out, for which body, when its lease ends.
struct Given {
    queue: QueueName,
    body: String,
    receipt: Receipt,
    until: Instant,
}

/// Runs a history on the queues and on a ledger that knows only what was sent, persisted and acknowledged.
#[derive(Default)]
struct Ledger {
    now: Instant,
    sent: u64,
    generation: u64,
    given: Vec<Given>,
    alive: BTreeSet<String>,
    disk: BTreeMap<MessageId, (Placement, String)>,
}

impl Ledger {
    fn run(&mut self, queues: &mut Queues, step: Step) {
        match step {
            Step::Send(queue) => {
                let body = format!("body {}", self.sent);
                self.sent += 1;
                let id = queues.send(queue, body.clone());
                self.disk.insert(
                    id,
                    (
                        Placement {
                            queue: queue.into(),
                            received: 0,
                        },
                        body.clone(),
                    ),
                );
                self.alive.insert(body);
            }
            Step::Receive(queue, limit) => self.receive(queues, queue, limit),
            Step::Delete(index) if !self.given.is_empty() => {
                let index = index % self.given.len();
                let newest = self.is_newest(index);
                let given = &self.given[index];
                if queues.delete(self.now, given.queue, std::slice::from_ref(&given.receipt)) == 0 {
                    assert!(newest, "a stale receipt deleted {}", given.body);
                    assert!(self.alive.remove(&given.body), "{} was deleted twice", given.body);
                }
            }
            Step::Extend(index, seconds) if !self.given.is_empty() => {
                let index = index % self.given.len();
                let newest = self.is_newest(index);
                let given = &mut self.given[index];
                let lease = Duration::from_secs(seconds);
                if queues.extend(self.now, given.queue, std::slice::from_ref(&given.receipt), lease) == 0 {
                    assert!(
                        newest && given.until > self.now,
                        "a stale receipt extended {}",
                        given.body
                    );
                    given.until = self.now + lease;
                }
            }
            Step::Delete(_) | Step::Extend(..) => {}
            Step::Pass(seconds) => self.now = self.now + Duration::from_secs(seconds),
            Step::Restart => {
                self.persist(queues);
                self.generation += 1;
                *queues = Queues::persisted(SETTINGS, self.generation);
                for (id, (placement, body)) in &self.disk {
                    queues.restore(*id, *placement, body.clone());
                }
                // Nobody may act on what was received before.
                for given in &mut self.given {
                    given.until = self.now;
                    assert_eq!(
                        queues.delete(self.now, given.queue, std::slice::from_ref(&given.receipt)),
                        1
                    );
                }
            }
        }
        self.persist(queues);
    }

    fn receive(&mut self, queues: &mut Queues, queue: QueueName, limit: usize) {
        let deliveries = queues.receive(self.now, queue, limit);
        assert!(deliveries.len() <= limit);
        for delivery in deliveries {
            assert!(
                self.alive.contains(&delivery.body),
                "{} was deleted and is back",
                delivery.body
            );
            assert!(queue == QueueName::Dead || delivery.received <= SETTINGS.receives);
            let owned = self
                .given
                .iter()
                .any(|given| given.body == delivery.body && given.until > self.now);
            assert!(!owned, "{} has two owners", delivery.body);
            let until = self.now + SETTINGS.visibility;
            self.given.push(Given {
                queue,
                body: delivery.body,
                receipt: delivery.receipt,
                until,
            });
        }
    }

    fn is_newest(&self, index: usize) -> bool {
        let body = &self.given[index].body;
        !self.given[index + 1..].iter().any(|later| &later.body == body)
    }

    fn persist(&mut self, queues: &mut Queues) {
        for (id, placement) in queues.take_changes() {
            match placement {
                None => drop(self.disk.remove(&id)),
                Some(placement) => {
                    if let Some(row) = self.disk.get_mut(&id) {
                        row.0 = placement;
                    }
                }
            }
        }
        assert!(!queues.has_changes());
    }
}

proptest! {
    /// Claim: nothing sent and not deleted is ever lost, nothing deleted comes back, a stale receipt does nothing, and no
    /// two leases of one message overlap; also across restarts from what was persisted.
    #[test]
    fn histories_keep_every_promise(steps in prop::collection::vec(step(), 1..120)) {
        let mut queues = Queues::persisted(SETTINGS, 0);
        let mut ledger = Ledger::default();
        for step in steps {
            ledger.run(&mut queues, step);
            prop_assert_eq!(queues.len(), ledger.alive.len());
            prop_assert_eq!(ledger.disk.len(), ledger.alive.len());
        }
        // When every lease has ended, whatever is alive can be received somewhere.
        ledger.now = ledger.now + Duration::from_secs(1000);
        let found: BTreeSet<String> = QueueName::ALL
            .into_iter()
            .flat_map(|queue| queues.receive(ledger.now, queue, usize::MAX))
            .map(|delivery| delivery.body)
            .collect();
        prop_assert_eq!(found, ledger.alive);
    }

    /// Claim: the same history gives the same deliveries, receipts included.
    #[test]
    fn histories_are_deterministic(steps in prop::collection::vec(step(), 1..60)) {
        let run = |steps: Vec<Step>| {
            let mut queues = Queues::persisted(SETTINGS, 0);
            let mut ledger = Ledger::default();
            for step in steps {
                ledger.run(&mut queues, step);
            }
            ledger.given.into_iter().map(|given| (given.body, given.receipt)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(steps.clone()), run(steps));
    }
}

fn second(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// Claim: the deadline is the first lease to end, and nothing appears before it.
#[test]
fn the_deadline_is_the_first_lease_that_ends() {
    let mut queues = Queues::new(SETTINGS);
    assert_eq!(queues.deadline(QueueName::Inbound), None);
    queues.send(QueueName::Inbound, "a".into());
    queues.send(QueueName::Inbound, "b".into());
    assert_eq!(queues.receive(second(1), QueueName::Inbound, 1).len(), 1);
    assert_eq!(queues.receive(second(2), QueueName::Inbound, 1).len(), 1);
    assert_eq!(queues.deadline(QueueName::Inbound), Some(second(11)));
    assert_eq!(
        queues.deadline(QueueName::Dead),
        Some(second(11)),
        "any lease may end there"
    );
    assert_eq!(queues.deadline(QueueName::Outbound), None);
    assert_eq!(
        queues.depth(second(10), QueueName::Inbound),
        Depth {
            visible: 0,
            in_flight: 2
        }
    );
    assert_eq!(
        queues.depth(second(11), QueueName::Inbound),
        Depth {
            visible: 1,
            in_flight: 1
        }
    );
    assert_eq!(queues.receive(second(11), QueueName::Inbound, 9)[0].body, "a");
}

/// Claim: after the configured number of receives a message is in the dead-letter queue with the body that was sent, and
/// stays there however often it is received.
#[test]
fn a_message_received_too_often_is_dead() {
    let mut queues = Queues::new(SETTINGS);
    queues.send(QueueName::Faults, "poison".into());
    for received in 1..=3 {
        let now = second(u64::from(received) * 10);
        assert_eq!(queues.receive(now, QueueName::Faults, 1)[0].received, received);
    }
    assert!(queues.receive(second(40), QueueName::Faults, 1).is_empty());
    for received in 1..=5 {
        let now = second(40 + u64::from(received) * 10);
        let delivery = queues.receive(now, QueueName::Dead, 1).remove(0);
        assert_eq!((delivery.body.as_str(), delivery.received), ("poison", received));
    }
}

/// Claim: a receipt outlives its lease until somebody else receives the message; its queue must match.
#[test]
fn a_late_delete_counts_unless_there_is_a_newer_owner() {
    let mut queues = Queues::new(SETTINGS);
    queues.send(QueueName::Inbound, "slow".into());
    let receipts = vec![queues.receive(second(0), QueueName::Inbound, 1).remove(0).receipt];
    assert_eq!(
        queues.extend(second(10), QueueName::Inbound, &receipts, SETTINGS.visibility),
        1
    );
    assert_eq!(queues.delete(second(10), QueueName::Outbound, &receipts), 1);
    assert_eq!(queues.delete(second(10), QueueName::Inbound, &receipts), 0);
    assert!(queues.is_empty());
}

const EXTRA: QueueId = QueueId::FIRST_FREE;
const GRAVE: QueueId = QueueId(EXTRA.0 + 1);

fn extra(receives: u32) -> Queues {
    let mut queues = Queues::persisted(SETTINGS, 1);
    let redrive = Some(Redrive { to: GRAVE, receives });
    queues.configure(
        EXTRA,
        Policy {
            visibility: Duration::from_secs(2),
            redrive,
        },
    );
    queues
}

/// Claim: a queue that was configured beside the platform's has a lease, a dead-letter queue and a purge of its own.
#[test]
fn a_configured_queue_follows_its_own_policy() {
    let mut queues = extra(1);
    queues.send(EXTRA, "own".into());
    queues.send(QueueName::Inbound, "other".into());
    assert_eq!(queues.receive(second(0), EXTRA, 9).len(), 1);
    assert_eq!(queues.deadline(GRAVE), Some(second(2)), "its lease may end there");
    assert_eq!(queues.receive(second(2), GRAVE, 9)[0].body, "own");
    assert_eq!(queues.purge(GRAVE), 1);
    assert_eq!(queues.len(), 1, "the other queue keeps its message");
}

/// Claim: a delayed message is invisible until its moment, and is counted apart.
#[test]
fn a_delayed_message_waits_for_its_moment() {
    let mut queues = extra(3);
    let id = queues.reserve();
    queues.insert_delayed(id, EXTRA, "later".into(), second(5));
    assert_eq!(queues.deadline(EXTRA), Some(second(5)));
    assert!(queues.receive(second(4), EXTRA, 1).is_empty());
    let census = queues.census(second(4), EXTRA);
    assert_eq!((census.visible, census.in_flight, census.delayed), (0, 0, 1));
    assert_eq!(queues.receive(second(5), EXTRA, 1)[0].received, 1);
}

/// Claim: what was received too often before its queue was configured to give up is given up when somebody asks for it.
#[test]
fn a_later_policy_holds_for_earlier_messages() {
    let mut queues = extra(9);
    queues.send(EXTRA, "poison".into());
    for turn in 0..3 {
        assert_eq!(queues.receive(second(turn * 2), EXTRA, 1).len(), 1);
    }
    let redrive = Some(Redrive {
        to: QueueName::Dead.into(),
        receives: 2,
    });
    let mut stricter = queues.clone();
    assert_eq!(stricter.census(second(6), EXTRA).visible, 1);
    stricter.configure(
        EXTRA,
        Policy {
            visibility: Duration::from_secs(2),
            redrive,
        },
    );
    assert!(stricter.receive(second(6), EXTRA, 1).is_empty());
    assert_eq!(stricter.receive(second(6), QueueName::Dead, 1)[0].body, "poison");
    assert_eq!(
        stricter.deadline(GRAVE),
        None,
        "it is no longer a source of its old target"
    );
}

/// Claim: a receive with a lease of zero gives each message once and leaves it visible, counted as a receive.
#[test]
fn a_lease_of_zero_only_looks() {
    let mut queues = extra(9);
    queues.send(EXTRA, "a".into());
    queues.send(EXTRA, "b".into());
    for received in 1..4 {
        let seen = queues.receive_for(second(0), EXTRA, 9, Duration::ZERO);
        let counts: Vec<_> = seen.iter().map(|one| (one.body.as_str(), one.received)).collect();
        assert_eq!(counts, [("a", received), ("b", received)]);
        assert_eq!(queues.census(second(0), EXTRA).visible, 2);
    }
}
