//! Messages that somebody made up, altered, or took from elsewhere.

use std::cell::RefCell;
use std::rc::Rc;

use tally_model::{Epoch, Instant, NodeId, Operation, Outcome, SetId, Suite};

use super::network::{Network, WORKER, config, item, keys, replica_node};
use crate::message::{Body, Commit, Message, PrePrepare, Propose};
use crate::{Digest, Refusal, Refusals};

/// Everything that was sent while one job was certified, and the network after it.
fn recorded(suite: Suite) -> (Network, Vec<(NodeId, NodeId, Message)>) {
    let mut network = Network::new(config(suite, 4, true));
    let record = Rc::new(RefCell::new(Vec::new()));
    let tape = Rc::clone(&record);
    network.adversary = Box::new(move |from, to, message| {
        tape.borrow_mut().push((from, to, message.clone()));
        vec![message]
    });
    network.submit([1]);
    network.run(0);
    network.adversary = Box::new(|_, _, message| vec![message]);
    let tape = record.borrow().clone();
    (network, tape)
}

fn find(tape: &[(NodeId, NodeId, Message)], pick: fn(&Body) -> bool) -> (NodeId, NodeId, Message) {
    tape.iter().find(|sent| pick(&sent.2.body)).unwrap().clone()
}

fn refused_by(network: &Network, node: NodeId) -> Refusals {
    match node {
        NodeId::Replica(_, index) => network.replicas[usize::from(index)].refused().clone(),
        NodeId::Worker(_) | NodeId::Control => network.client.refused().clone(),
    }
}

fn propose_of(message: &mut Message) -> &mut Propose {
    match &mut message.body {
        Body::Propose(propose) => propose,
        _ => panic!("a proposal"),
    }
}

fn order_of(message: &mut Message) -> &mut PrePrepare {
    match &mut message.body {
        Body::PrePrepare(order) => order,
        _ => panic!("an order"),
    }
}

fn commit_of(message: &mut Message) -> &mut Commit {
    match &mut message.body {
        Body::Commit(commit) => commit,
        _ => panic!("a commit"),
    }
}

/// Which message, what is done to it, and why it must be dropped.
type Case = (&'static str, fn(&Body) -> bool, fn(&mut Message), Refusal);

const CASES: &[Case] = &[
    (
        "proposal of another set",
        is_propose,
        |m| m.set.number += 1,
        Refusal::OtherSet,
    ),
    (
        "proposal of an earlier epoch",
        is_propose,
        |m| m.epoch = Epoch(0),
        Refusal::OtherEpoch,
    ),
    (
        "proposal of another view",
        is_propose,
        |m| m.view = 1,
        Refusal::OtherView,
    ),
    (
        "proposal under a new timestamp",
        is_propose,
        |m| propose_of(m).timestamp += 9,
        Refusal::Signature,
    ),
    (
        "proposal in another slot",
        is_propose,
        |m| propose_of(m).slot = 1,
        Refusal::Signature,
    ),
    (
        "proposal in a slot there is not",
        is_propose,
        |m| propose_of(m).slot = 2,
        Refusal::OutOfBounds,
    ),
    (
        "empty proposal",
        is_propose,
        |m| propose_of(m).items.clear(),
        Refusal::OutOfBounds,
    ),
    (
        "proposal that is too long",
        is_propose,
        |m| propose_of(m).items = vec![item(1); 65],
        Refusal::OutOfBounds,
    ),
    (
        "proposal with another operand, as a repetition",
        is_propose,
        |m| {
            propose_of(m).items[0].job.left = "2".into();
            propose_of(m).signature[0] ^= 1;
        },
        Refusal::Conflict,
    ),
    (
        "proposal with another operand",
        is_propose,
        |m| {
            propose_of(m).items[0].job.left = "2".into();
            propose_of(m).timestamp += 1;
        },
        Refusal::Signature,
    ),
    (
        "proposal of another operation",
        is_propose,
        |m| propose_of(m).items[0].job.operation = Operation::Mul,
        Refusal::OtherOperation,
    ),
    (
        "proposal that is old",
        is_propose,
        |m| propose_of(m).timestamp = 0,
        Refusal::Stale,
    ),
    (
        "order under another number",
        is_order,
        |m| order_of(m).sequence += 1,
        Refusal::Conflict,
    ),
    (
        "order with an altered proposal",
        is_order,
        |m| order_of(m).propose.timestamp += 1,
        Refusal::Conflict,
    ),
    (
        "order nobody proposed",
        is_order,
        |m| {
            order_of(m).propose.timestamp += 1;
            order_of(m).sequence += 1;
        },
        Refusal::Signature,
    ),
    (
        "order without its outcomes",
        is_order,
        |m| order_of(m).outcomes.clear(),
        Refusal::OutOfBounds,
    ),
    (
        "order that is old",
        is_order,
        |m| order_of(m).propose.timestamp = 0,
        Refusal::Stale,
    ),
    (
        "order of an earlier epoch",
        is_order,
        |m| m.epoch = Epoch(0),
        Refusal::OtherEpoch,
    ),
    (
        "vote of an earlier epoch",
        is_commit,
        |m| m.epoch = Epoch(0),
        Refusal::OtherEpoch,
    ),
    (
        "vote on another batch",
        is_commit,
        |m| commit_of(m).sequence += 1,
        Refusal::UnknownSequence,
    ),
    (
        "vote of nobody",
        is_commit,
        |m| commit_of(m).member = 9,
        Refusal::NotAMember,
    ),
    (
        "vote in the leader's name",
        is_commit,
        |m| commit_of(m).member = 0,
        Refusal::NotAMember,
    ),
    (
        "second vote, for something else",
        is_commit,
        |m| commit_of(m).root = Digest([1; 32]),
        Refusal::DoubleVote,
    ),
];

fn is_propose(body: &Body) -> bool {
    matches!(body, Body::Propose(_))
}

fn is_order(body: &Body) -> bool {
    matches!(body, Body::PrePrepare(_))
}

fn is_commit(body: &Body) -> bool {
    matches!(body, Body::Commit(_))
}

/// Every altered or displaced message is dropped by its receiver for the reason named, and changes nothing.
#[test]
fn altered_and_displaced_messages_are_dropped_for_their_reason() {
    for (name, pick, alter, refusal) in CASES {
        let (mut network, tape) = recorded(Suite::Modern);
        let (from, to, mut message) = find(&tape, *pick);
        alter(&mut message);
        let told = network.told.len();
        network.deliver(from, to, message);
        network.run(0);
        assert_eq!(
            refused_by(&network, to),
            Refusals::from([(*refusal, 1)]),
            "{name}"
        );
        assert_eq!(network.told.len(), told, "{name}");
        network.submit([2]);
        network.run(0);
        network.assert_right(2);
    }
}

/// Whatever was said is said again, to everybody: repetitions change nothing, in both suites.
#[test]
fn replaying_everything_to_everybody_changes_nothing() {
    for suite in [Suite::Modern, Suite::Report] {
        let (mut network, tape) = recorded(suite);
        let told = network.told.clone();
        for (from, _, message) in &tape {
            for to in (0..4).map(replica_node).chain([WORKER]) {
                network.deliver(*from, to, message.clone());
            }
        }
        network.run(0);
        assert_eq!(network.told, told);
    }
}

/// Messages of one epoch are worth nothing in the next, even to the same members with the same keys.
#[test]
fn messages_of_one_epoch_are_worth_nothing_in_the_next() {
    let (mut network, tape) = recorded(Suite::Modern);
    let mut next = network.record.clone();
    next.epoch.0 += 1;
    network.configure(&next);
    let told = network.told.clone();
    for (from, to, message) in tape {
        let mut relabelled = message.clone();
        relabelled.epoch = next.epoch;
        network.deliver(from, to, message);
        network.deliver(from, to, relabelled);
    }
    network.run(0);
    assert_eq!(network.told, told);
    let leader = network.replicas[0].refused();
    assert!(
        leader[&Refusal::OtherEpoch] > 0 && leader[&Refusal::Signature] > 0,
        "{leader:?}"
    );
}

/// A sequence number is used once, also if it was used longer ago than a follower remembers each of them.
#[test]
fn a_sequence_number_of_long_ago_is_not_used_again() {
    let (mut network, tape) = recorded(Suite::Modern);
    for number in 2..1_100 {
        network.submit([number]);
        network.run(0);
    }
    network.assert_right(1_099);
    let (from, to, mut message) = find(&tape, is_order);
    order_of(&mut message).propose.timestamp += 1_000_000;
    network.deliver(from, to, message);
    network.run(0);
    assert_eq!(refused_by(&network, to), Refusals::from([(Refusal::Conflict, 1)]));
}

/// A vote that names a root its outcomes do not have is dropped although its signature holds.
#[test]
fn a_vote_must_show_the_outcomes_of_its_root() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let membership = network.membership();
    network.adversary = Box::new(move |from, _, mut message| {
        if let (NodeId::Replica(_, 1), Body::Commit(commit)) = (from, &mut message.body) {
            commit.root = Digest([9; 32]);
            commit.outcomes = vec![Outcome::Value("1".into())];
            let statement = membership.scope.vote(commit.sequence, 1, 1, commit.root);
            commit.signature = keys(Suite::Modern, 1).sign(&statement);
        }
        vec![message]
    });
    network.submit([1]);
    network.run(0);
    network.assert_right(1);
    assert_eq!(network.replicas[0].refused()[&Refusal::Outcomes], 1);
}

/// A vote under another member's name, with the voter's own good signature, does not count for either.
#[test]
fn a_vote_counts_only_for_its_signer() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    network.adversary = Box::new(|from, _, message| match (from, &message.body) {
        (NodeId::Replica(_, 1), Body::Commit(_)) => {
            let mine = message.clone();
            let mut stolen = message;
            commit_of(&mut stolen).member = 2;
            vec![stolen, mine]
        }
        (NodeId::Replica(_, 2 | 3), Body::Commit(_)) => Vec::new(),
        _ => vec![message],
    });
    network.submit([1]);
    network.run(100);
    assert!(network.certified().is_empty());
    assert_eq!(network.replicas[0].refused()[&Refusal::Signature], 1);
}

/// A replica whose place was given to another occupant takes part no more.
#[test]
fn a_replaced_replica_takes_part_no_more() {
    let (mut network, tape) = recorded(Suite::Modern);
    let (from, to, message) = find(&tape, is_propose);
    let mut record = network.record.clone();
    record.epoch.0 += 1;
    record.replicas[0].incarnation += 1;
    record.replicas[0].public_key = keys(Suite::Modern, 77).public_key().to_string();
    network.configure(&record);
    let mut message = message;
    message.epoch = record.epoch;
    network.deliver(from, to, message);
    assert_eq!(network.replicas[0].refused()[&Refusal::NotAMember], 1);
    assert_eq!(network.replicas[0].deadline(), None);
}

/// A record of another set, an older epoch, or without meaning changes nothing.
#[test]
fn records_that_are_old_foreign_or_broken_change_nothing() {
    let (mut network, _) = recorded(Suite::Modern);
    let mut foreign = network.record.clone();
    foreign.id = SetId {
        operation: Operation::Mul,
        number: 1,
    };
    foreign.epoch.0 += 5;
    let mut old = network.record.clone();
    old.epoch = Epoch(0);
    old.leader = 2;
    let mut broken = network.record.clone();
    broken.epoch.0 += 1;
    broken.replicas[1].public_key = "00".into();
    let mut twice = network.record.clone();
    twice.epoch.0 += 1;
    twice.replicas[1].node = replica_node(2);
    let mut leaderless = network.record.clone();
    leaderless.epoch.0 += 1;
    leaderless.leader = 4;
    for (record, good) in [
        (&foreign, true),
        (&old, true),
        (&broken, false),
        (&twice, false),
        (&leaderless, false),
    ] {
        for replica in &mut network.replicas {
            let result = replica.configure(Instant::ZERO, record, &mut Vec::new());
            assert_eq!(result.is_ok(), good);
        }
        let result = network.client.configure(Instant::ZERO, record, &mut Vec::new());
        assert_eq!(result.is_ok(), good);
    }
    network.submit([2]);
    network.run(0);
    network.assert_right(2);
}
