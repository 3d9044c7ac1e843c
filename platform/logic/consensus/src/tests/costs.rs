//! The tables in the crate's documentation and in docs/consensus-costs.md are true of `collect` and `vote`.

use std::cell::Cell;
use std::rc::Rc;

use tally_model::{PlatformConfig, Protocol, Suite};

use super::network::{CLUSTER, Network, SET, config};
use crate::{Effort, Verifier};

/// Signatures and verifications of one batch after the first, member by member, are exactly those of the table.
#[test]
fn a_batch_costs_exactly_what_the_table_says() {
    for n in [4_u64, 7] {
        for count_leader_vote in [true, false] {
            let f = (n - 1) / 3;
            let mut network = Network::new(config(Suite::Modern, n as u8, count_leader_vote));
            network.submit([1]);
            network.run(0);
            let before = efforts(&network);
            network.submit([2]);
            network.run(0);
            network.assert_right(2);
            let spent: Vec<Effort> = efforts(&network)
                .into_iter()
                .zip(before)
                .map(|(after, before)| Effort {
                    signed: after.signed - before.signed,
                    verified: after.verified - before.verified,
                })
                .collect();
            let effort = |signed, verified| Effort { signed, verified };
            assert_eq!(spent[0], effort(1, 2 * f + 1), "worker");
            assert_eq!(spent[1], effort(2, n), "leader");
            for follower in &spent[2..] {
                assert_eq!(*follower, effort(1, 2), "follower");
            }
            assert_eq!(spent.iter().map(|spent| spent.signed).sum::<u64>(), n + 2);
            assert_eq!(
                spent.iter().map(|spent| spent.verified).sum::<u64>(),
                3 * n + 2 * f - 1
            );
        }
    }
}

/// Signatures, verifications and messages of one request of `vote`, member by member, in both suites and whatever the number of
/// jobs in it, are exactly those of docs/consensus-costs.md.
#[test]
fn a_request_of_vote_costs_exactly_what_the_table_says() {
    for suite in [Suite::Modern, Suite::Report] {
        for (n, jobs) in [(3_u64, 1_u64), (3, 64), (5, 1)] {
            let f = (n - 1) / 2;
            let mut network = Network::new(PlatformConfig {
                protocol: Protocol::Vote,
                ..config(suite, n as u8, true)
            });
            let sent = Rc::new(Cell::new(0));
            let counted = Rc::clone(&sent);
            network.adversary = Box::new(move |_, _, message| {
                counted.set(counted.get() + 1);
                vec![message]
            });
            // A request for each of the first, so that what comes after them shares one.
            let alone = crate::pbft::EAGER as u64;
            network.submit(1..=u128::from(alone + jobs));
            network.run(0);
            network.assert_right(u128::from(alone + jobs));
            let requests = alone + 1;
            let spent = efforts(&network);
            let effort = |signed, verified| Effort { signed, verified };
            assert_eq!(spent[0], effort(requests, requests * (f + 1)), "worker");
            assert_eq!(spent.len() as u64, 1 + n);
            for replica in &spent[1..] {
                assert_eq!(*replica, effort(requests, requests), "replica");
            }
            assert_eq!(sent.get(), requests * 2 * n, "messages");
        }
    }
}

/// A verifier checks the signatures of a batch once, however many certificates it is given, and repeats cost nothing.
#[test]
fn a_verifier_checks_a_batch_once() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    network.submit(1..=66);
    network.run(0);
    let mut verifier = Verifier::new(CLUSTER, network.config.clone());
    verifier.learn(&network.record).unwrap();
    for _ in 0..2 {
        for (job, outcome, certificate) in network.certificates() {
            verifier.verify(SET, &job, &outcome, &certificate).unwrap();
        }
        assert_eq!(verifier.verified(), 9, "three batches of three votes");
    }
}

fn efforts(network: &Network) -> Vec<Effort> {
    std::iter::once(network.client.effort())
        .chain(network.replicas.iter().map(|replica| replica.effort()))
        .collect()
}
