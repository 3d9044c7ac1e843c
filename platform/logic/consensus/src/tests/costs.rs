//! The table in the crate's documentation is true.

use tally_model::Suite;

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
