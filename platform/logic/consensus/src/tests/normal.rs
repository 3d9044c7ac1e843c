//! Without faults everything is certified, in both suites, sizes and readings of C5.

use tally_model::{Failure, Instant, Outcome, Suite};

use super::network::{CLUSTER, Network, SET, config, item};
use crate::{ClientEvent, Verifier};

/// Every job is certified once, with the right outcome and 2f+1 votes, and a third party agrees.
#[test]
fn every_job_is_certified_in_every_suite_size_and_reading() {
    for (suite, jobs) in [(Suite::Modern, 200), (Suite::Report, 10)] {
        for n in [4, 7] {
            for count_leader_vote in [true, false] {
                let mut network = Network::new(config(suite, n, count_leader_vote));
                network.submit(1..=jobs);
                network.run(0);
                network.assert_right(jobs);
                let mut verifier = Verifier::new(CLUSTER, network.config.clone());
                verifier.learn(&network.record).unwrap();
                for (job, outcome, certificate) in network.certificates() {
                    let verified = verifier.verify(SET, &job, &outcome, &certificate).unwrap();
                    assert_eq!(u32::from(verified.votes), 2 * (u32::from(n) - 1) / 3 + 1);
                    assert_eq!(verified.members, n);
                }
                assert_eq!(network.certificates().len(), jobs as usize);
                let fulls = network
                    .told
                    .iter()
                    .filter(|event| matches!(event, ClientEvent::Full { .. }));
                assert_eq!(fulls.count(), 1, "all members voted: said once");
                assert!(network.suspects().is_empty());
                network.run(60_000);
                assert!(
                    network.suspects().is_empty(),
                    "nobody is suspected for having nothing to do"
                );
            }
        }
    }
}

/// A failure that the arithmetic decides is certified like a value.
#[test]
fn a_deterministic_failure_is_certified_like_a_value() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let mut bad = item(1);
    bad.job.left = "2/4".into();
    let mut events = Vec::new();
    network.client.submit(Instant::ZERO, bad, &mut events);
    for event in events {
        if let ClientEvent::Send(sent) = event {
            network.deliver(super::network::WORKER, sent.to, sent.message);
        }
    }
    network.run(0);
    assert_eq!(network.certified()[&1], Outcome::Error(Failure::Syntax));
}

/// Jobs that come while both slots are busy share a batch: 130 jobs take four batches, not 130.
#[test]
fn jobs_that_wait_share_a_batch() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    network.submit(1..=130);
    network.run(0);
    network.assert_right(130);
    // One each in the two slots, then 64 and 64.
    assert_eq!(network.client.effort().signed, 4);
}

/// A client that learns its set late proposes then; a replica that learns it late keeps what came early.
#[test]
fn order_of_announcements_does_not_matter() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let record = network.record.clone();
    let mut next = record.clone();
    next.epoch.0 += 1;
    let mut events = Vec::new();
    network.client.configure(network.now, &next, &mut events).unwrap();
    network.submit([1]);
    network.run(0);
    assert!(network.certified().is_empty());
    for replica in &mut network.replicas[1..] {
        replica.configure(network.now, &next, &mut Vec::new()).unwrap();
    }
    network.configure(&next);
    network.run(0);
    network.assert_right(1);
}
