//! What is said in somebody else's name, of what nobody asked for, or again too late.

use tally_model::{Epoch, NodeId, PlatformConfig, Protocol, Suite};

use super::network::{Network, SET, WORKER, WORKER_KEY, answer, config, item, keys, replica_node};
use crate::Signature;
use crate::certificate::Ballot;
use crate::collect::leaves;
use crate::message::{Body, Health, Message};
use crate::pbft::{self, Content, Request, request_statement};
use crate::{Refusal, job_digest, merkle};

fn network() -> Network {
    Network::new(config(Suite::Modern, 4, true))
}

/// Claim: followers do not vote on what the worker did not ask for, although the leader signs its order of it as it should.
#[test]
fn an_order_of_what_nobody_asked_for_gets_no_votes() {
    let mut network = network();
    let membership = network.membership();
    network.adversary = Box::new(move |_, _, mut message| {
        if let Body::PrePrepare(order) = &mut message.body {
            let suite = membership.suite();
            order.propose.items = vec![item(2)];
            order.outcomes = vec![answer(2)];
            let jobs = [job_digest(suite, &item(2).job)];
            let ballot = Ballot {
                sequence: order.sequence,
                leaves: 1,
                root: merkle::root(suite, leaves(suite, &jobs, &order.outcomes)),
            };
            order.signature = keys(suite, 0).sign(&ballot.statement(&membership.scope, 0));
        }
        vec![message]
    });
    network.submit([1]);
    network.run(0);
    for follower in &network.replicas[1..] {
        assert_eq!(follower.refused().get(&Refusal::Signature), Some(&1));
        assert_eq!(follower.effort().signed, 0);
    }
}

/// Claim: an order that its leader did not sign gets no vote and uses up no number: the leader's own is taken after it.
#[test]
fn an_order_that_the_leader_did_not_sign_uses_up_nothing() {
    let mut network = network();
    network.adversary = Box::new(|_, _, message| match &message.body {
        Body::PrePrepare(_) => {
            let mut forged = message.clone();
            if let Body::PrePrepare(order) = &mut forged.body {
                order.signature[0] ^= 1;
            }
            vec![forged, message]
        }
        _ => vec![message],
    });
    network.submit([1]);
    network.run(0);
    network.assert_right(1);
    for follower in &network.replicas[1..] {
        assert_eq!(follower.refused().get(&Refusal::Signature), Some(&1));
        assert_eq!(follower.effort().signed, 1);
    }
}

/// Claim: nobody is suspected for a report that the leader did not make.
#[test]
fn an_altered_report_blames_nobody_it_names() {
    let mut network = network();
    network.adversary = Box::new(|from, _, mut message| match (from, &mut message.body) {
        (NodeId::Replica(_, 1 | 3), _) => Vec::new(),
        (_, Body::NoQuorum(report)) => {
            report.missing = vec![2];
            vec![message]
        }
        _ => vec![message],
    });
    network.submit([1]);
    network.run(3_000);
    assert!(network.client.refused().contains_key(&Refusal::Signature));
    assert!(!network.suspects().contains(&replica_node(2)));
}

/// Claim: what a leader said of its followers' health is not believed again after it said something else.
#[test]
fn an_old_statement_of_health_is_not_believed_again() {
    let mut network = network();
    let membership = network.membership();
    let said = |number, silent| {
        let mut health = Health {
            number,
            silent,
            signature: Signature::new(),
        };
        health.signature = keys(Suite::Modern, 0).sign(&health.statement(&membership.scope, 0));
        Message {
            set: membership.set(),
            epoch: membership.epoch(),
            view: 0,
            body: Body::Health(health),
        }
    };
    let (ill, well) = (said(1, vec![2]), said(2, Vec::new()));
    for message in [ill.clone(), well] {
        network.deliver(replica_node(0), WORKER, message);
    }
    let told = network.told.len();
    network.deliver(replica_node(0), WORKER, ill);
    assert_eq!(network.told.len(), told);
    assert_eq!(network.client.refused().get(&Refusal::Stale), Some(&1));
}

/// What the worker asks a replica of `vote`, signed in the epoch that the network is in.
fn request(network: &Network, incarnation: u32, timestamp: u64) -> Request {
    let mut request = Request {
        incarnation,
        slot: 0,
        timestamp,
        items: [item(1)].into(),
        signature: Signature::new(),
    };
    let name = Content::of(Suite::Modern, &request).digest;
    let statement = request_statement(&network.membership().scope, name);
    request.signature = keys(Suite::Modern, WORKER_KEY).sign(&statement);
    request
}

/// Claim: a replica of `vote` answers what the present worker signed in this epoch, its last request again without another signature and
/// no earlier one; one whose place is somebody else's answers nobody.
#[test]
fn a_replica_of_vote_answers_what_its_worker_signed() {
    let mut network = Network::new(PlatformConfig {
        protocol: Protocol::Vote,
        ..config(Suite::Modern, 3, true)
    });
    let now = network.now;
    let ask = |network: &mut Network, epoch, request: &Request| {
        let (replica, mut sent) = (&mut network.replicas[0], Vec::new());
        let before: u64 = replica.refused().values().sum();
        let message = Message {
            set: SET,
            epoch: Epoch(epoch),
            view: 0,
            body: Body::Pbft(Box::new(pbft::Body::Request(request.clone()))),
        };
        replica.handle(now, WORKER, message, &mut sent);
        let after: u64 = replica.refused().values().sum();
        (sent.len(), after - before, replica.effort().signed)
    };
    let good = request(&network, 0, 2);
    let mut spoilt = good.clone();
    spoilt.signature[0] ^= 1;
    let mut other = good.clone();
    other.items = [item(2)].into();
    let (stranger, early) = (request(&network, 1, 3), request(&network, 0, 1));
    for (request, want) in [
        (&spoilt, (0, 1, 0)),
        (&other, (0, 1, 0)),
        (&stranger, (0, 1, 0)),
        (&good, (1, 0, 1)),
        (&good, (1, 0, 1)),
        (&early, (0, 1, 1)),
    ] {
        assert_eq!(ask(&mut network, 1, request), want, "{request:?}");
    }
    let mut record = network.record.clone();
    record.epoch = Epoch(2);
    network.configure(&record);
    let again = request(&network, 0, 2);
    assert_eq!(
        ask(&mut network, 1, &again),
        (0, 1, 1),
        "of an epoch that is over"
    );
    assert_eq!(ask(&mut network, 2, &good), (0, 1, 1), "signed in another");
    assert_eq!(ask(&mut network, 2, &again), (1, 0, 2));
    record.epoch = Epoch(3);
    record.replicas[0].public_key = keys(Suite::Modern, 77).public_key().to_string();
    network.configure(&record);
    let again = request(&network, 0, 4);
    assert_eq!(ask(&mut network, 3, &again), (0, 1, 2), "nobody any more");
}
