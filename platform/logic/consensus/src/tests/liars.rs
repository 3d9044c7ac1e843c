//! Members that sign what is not true.

use tally_model::{NodeId, Outcome, Suite};

use super::network::{Network, config, item, keys, replica_node};
use crate::certificate::{Ballot, Flaw};
use crate::digest::leaf;
use crate::message::Body;
use crate::{ClientEvent, Membership, Vote, job_digest, merkle};

fn lie() -> Outcome {
    Outcome::Value("666".into())
}

/// The ballot of a batch of one job with this outcome.
fn ballot(membership: &Membership, sequence: u64, number: u128, outcome: &Outcome) -> Ballot {
    let suite = membership.suite();
    Ballot {
        sequence,
        leaves: 1,
        root: merkle::root(
            suite,
            vec![leaf(suite, job_digest(suite, &item(number).job), outcome)],
        ),
    }
}

/// Makes followers in `liars` vote for a lie about job 1, with their own good signatures.
fn corrupt_followers(network: &mut Network, liars: &'static [u8]) {
    let membership = network.membership();
    let suite = membership.suite();
    network.adversary = Box::new(move |from, _, mut message| {
        if let (NodeId::Replica(_, index), Body::Commit(commit)) = (from, &mut message.body)
            && liars.contains(&index)
        {
            let ballot = ballot(&membership, commit.sequence, 1, &lie());
            commit.root = ballot.root;
            commit.outcomes = vec![lie()];
            commit.signature =
                keys(suite, u32::from(index)).sign(&ballot.statement(&membership.scope, index));
        }
        vec![message]
    });
}

/// A lying follower is outvoted, in both suites and sizes.
#[test]
fn a_lying_follower_is_outvoted() {
    for (suite, n) in [(Suite::Modern, 4), (Suite::Modern, 7), (Suite::Report, 4)] {
        let mut network = Network::new(config(suite, n, true));
        corrupt_followers(&mut network, &[1]);
        network.submit([1]);
        network.run(0);
        network.assert_right(1);
    }
}

/// More liars than f can stop the set but still not make it lie.
#[test]
fn two_lying_followers_of_four_cannot_certify_a_lie() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    corrupt_followers(&mut network, &[1, 2]);
    network.submit([1]);
    network.run(2_000);
    assert!(network.certified().is_empty());
    assert!(!network.suspects().is_empty());
}

/// A leader that computes wrongly but collects honestly is outvoted too: the followers' result is certified.
#[test]
fn a_leader_that_computes_wrongly_is_outvoted() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let membership = network.membership();
    network.adversary = Box::new(move |from, to, mut message| {
        let keys = keys(Suite::Modern, 0);
        if let (NodeId::Replica(_, 0), NodeId::Replica(..), Body::PrePrepare(order)) =
            (from, to, &mut message.body)
        {
            let ballot = ballot(&membership, order.sequence, 1, &lie());
            order.outcomes = vec![lie()];
            order.signature = keys.sign(&ballot.statement(&membership.scope, 0));
        }
        vec![message]
    });
    network.submit([1]);
    network.run(0);
    network.assert_right(1);
}

/// What a leader may try in its reply about job 1.
type Trick = fn(&Membership, &mut Vec<Outcome>, &mut Vec<Vote>);

/// Each trick in a reply that the leader signs properly is caught by the worker, for its reason, and the leader is blamed.
#[test]
fn a_lying_leader_is_caught_by_the_worker() {
    let tricks: [(&str, Trick, Flaw); 6] = [
        (
            "another outcome",
            |_, outcomes, _| outcomes[0] = lie(),
            Flaw::Signature(0),
        ),
        (
            "another outcome with its own vote for it",
            |membership, outcomes, votes| {
                outcomes[0] = lie();
                let statement = ballot(membership, 1, 1, &lie()).statement(&membership.scope, 0);
                votes[0].signature = keys(membership.suite(), 0).sign(&statement);
            },
            Flaw::Signature(1),
        ),
        (
            "its own vote three times",
            |_, _, votes| *votes = vec![votes[0].clone(); 3],
            Flaw::DuplicateVote(0),
        ),
        (
            "two votes only",
            |_, _, votes| {
                votes.pop();
            },
            Flaw::TooFewVotes { have: 2, need: 3 },
        ),
        (
            "a stranger's vote",
            |_, _, votes| votes[1].member = 9,
            Flaw::NotAMember(9),
        ),
        (
            "an outcome missing",
            |_, outcomes, _| outcomes.clear(),
            Flaw::Malformed,
        ),
    ];
    for (name, trick, flaw) in tricks {
        let mut network = Network::new(config(Suite::Modern, 4, true));
        let membership = network.membership();
        network.adversary = Box::new(move |_, _, mut message| {
            if let Body::Reply(reply) = &mut message.body {
                trick(&membership, &mut reply.outcomes, &mut reply.votes);
                let statement = reply.statement(&membership.scope, 0);
                reply.signature = keys(Suite::Modern, 0).sign(&statement);
            }
            vec![message]
        });
        network.submit([1]);
        network.run(0);
        assert!(network.certified().is_empty(), "{name}");
        assert!(
            network.told.contains(&ClientEvent::Refused(flaw)),
            "{name}: {:?}",
            network.told
        );
        assert_eq!(network.suspects(), [replica_node(0)], "{name}");
        network.adversary = Box::new(|_, _, message| vec![message]);
        network.replace(0, 1);
        network.run(0);
        network.assert_right(1);
    }
}

/// A reply somebody else altered is no reason to blame the leader: its signature does not hold.
#[test]
fn an_altered_reply_does_not_blame_the_leader() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    network.adversary = Box::new(|_, _, mut message| {
        if let Body::Reply(reply) = &mut message.body {
            reply.outcomes[0] = lie();
        }
        vec![message]
    });
    network.submit([1]);
    network.run(100);
    assert!(network.certified().is_empty());
    assert!(network.suspects().is_empty());
}

/// An equivocating leader (another result to each follower) certifies nothing but the truth.
#[test]
fn a_leader_that_tells_everybody_something_else_certifies_only_the_truth() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let membership = network.membership();
    network.adversary = Box::new(move |_, to, mut message| {
        if let (NodeId::Replica(_, index), Body::PrePrepare(order)) = (to, &mut message.body) {
            let told = Outcome::Value(index.to_string());
            let ballot = ballot(&membership, order.sequence, 1, &told);
            order.outcomes = vec![told];
            order.signature = keys(Suite::Modern, 0).sign(&ballot.statement(&membership.scope, 0));
        }
        vec![message]
    });
    network.submit([1]);
    network.run(0);
    network.assert_right(1);
}

/// An equivocating leader (another batch to each follower under one number) certifies nothing.
#[test]
fn a_leader_that_orders_two_batches_under_one_number_certifies_neither() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let membership = network.membership();
    network.adversary = Box::new(move |_, to, message| {
        // Followers 2 and 3 get the batches in the other order, each under the number of the other.
        let Body::PrePrepare(order) = &message.body else {
            return vec![message];
        };
        if matches!(to, NodeId::Replica(_, 1)) {
            return vec![message];
        }
        let mut renumbered = message.clone();
        if let Body::PrePrepare(copy) = &mut renumbered.body {
            copy.sequence = 3 - order.sequence;
            let number = copy.propose.items[0].job.task.request.0;
            let ballot = ballot(&membership, copy.sequence, number, &copy.outcomes[0]);
            copy.signature = keys(Suite::Modern, 0).sign(&ballot.statement(&membership.scope, 0));
        }
        vec![renumbered]
    });
    network.submit([1, 2]);
    network.run(3_000);
    assert!(network.certified().is_empty());
    assert!(!network.suspects().is_empty());
}

/// A leader that lets no vote count and blames the others is believed in one epoch; in the next it is suspected itself.
#[test]
fn a_leader_that_blames_everybody_is_replaced_in_the_end() {
    for count_leader_vote in [true, false] {
        let mut network = Network::new(config(Suite::Modern, 4, count_leader_vote));
        network.adversary = Box::new(|_, to, message| {
            let suppressed = to == replica_node(0) && matches!(message.body, Body::Commit(_));
            if suppressed { Vec::new() } else { vec![message] }
        });
        network.submit([1]);
        network.run(2_000);
        let mut followers = network.suspects();
        followers.sort();
        assert_eq!(followers, [1, 2, 3].map(replica_node));
        for follower in 1..=3 {
            network.replace(follower, 0);
        }
        network.run(6_000);
        assert!(network.suspects().contains(&replica_node(0)));
        network.replace(0, 2);
        network.run(0);
        network.assert_right(1);
    }
}
