//! Members that say nothing, and networks that lose, double and reorder.

use tally_model::{FaultType, NodeId, Suite};

use super::network::{Network, config, replica_node};
use crate::ClientEvent;

fn mute(network: &mut Network, members: &'static [u8]) {
    network.adversary = Box::new(move |from, _, message| match from {
        NodeId::Replica(_, index) if members.contains(&index) => Vec::new(),
        _ => vec![message],
    });
}

fn heal(network: &mut Network) {
    network.adversary = Box::new(|_, _, message| vec![message]);
}

fn healths(network: &Network) -> Vec<bool> {
    network
        .told
        .iter()
        .filter_map(|event| match event {
            ClientEvent::Full { .. } => Some(true),
            ClientEvent::Degraded { .. } => Some(false),
            _ => None,
        })
        .collect()
}

/// One mute follower is masked at once, reported once after the quorum timeout, and gone after its replacement.
#[test]
fn one_mute_follower_is_masked_reported_and_repaired() {
    for n in [4, 7] {
        let mut network = Network::new(config(Suite::Modern, n, true));
        network.submit([1]);
        network.run(10);
        mute(&mut network, &[2]);
        network.submit([2]);
        network.run(0);
        network.assert_right(2);
        assert!(network.suspects().is_empty());
        network.run(3_000);
        assert_eq!(network.suspects(), [replica_node(2)]);
        heal(&mut network);
        network.replace(2, 0);
        network.submit([3]);
        network.run(3_000);
        network.assert_right(3);
        assert_eq!(network.suspects(), [replica_node(2)]);
        assert_eq!(healths(&network), [true, false, true]);
    }
}

/// A follower that is slower than the quorum but answers is not suspected, and one that comes back is full again.
#[test]
fn a_follower_that_comes_back_is_not_replaced() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    mute(&mut network, &[3]);
    network.submit([1]);
    network.run(300);
    heal(&mut network);
    network.run(300);
    assert!(network.suspects().is_empty());
    assert_eq!(healths(&network), [true]);
    network.submit([2]);
    network.run(5_000);
    assert!(network.suspects().is_empty());
}

/// Two mute followers of four: no certificate, both named; in the next epoch the same jobs are proposed again and certified.
#[test]
fn two_mute_followers_stop_the_set_until_they_are_replaced() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    mute(&mut network, &[1, 3]);
    network.submit(1..=5);
    network.run(2_000);
    assert!(network.certified().is_empty());
    let mut suspects = network.suspects();
    suspects.sort();
    assert_eq!(suspects, [replica_node(1), replica_node(3)]);
    heal(&mut network);
    network.replace(1, 0);
    network.run(0);
    network.assert_right(5);
}

/// n = 7 masks two and stops at three.
#[test]
fn seven_replicas_mask_two_faults_and_not_three() {
    let mut network = Network::new(config(Suite::Modern, 7, true));
    mute(&mut network, &[1, 3]);
    network.submit([1]);
    network.run(0);
    network.assert_right(1);
    mute(&mut network, &[1, 3, 5]);
    network.submit([2]);
    network.run(2_000);
    network.assert_right(1);
    assert!(network.suspects().contains(&replica_node(5)));
}

/// C5, the literal reading: "2f+1 from the followers" of 3 followers means that a single lost one stops the set.
#[test]
fn the_literal_reading_stops_at_one_fault() {
    let mut network = Network::new(config(Suite::Modern, 4, false));
    mute(&mut network, &[2]);
    network.submit([1]);
    network.run(2_000);
    assert!(network.certified().is_empty());
    assert!(network.suspects().contains(&replica_node(2)));
    heal(&mut network);
    network.run(2_000);
    network.assert_right(1);
}

/// A mute leader is reported as fault type II after the quorum timeout, not before, and another leader goes on.
#[test]
fn a_mute_leader_is_reported_and_another_goes_on() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    mute(&mut network, &[0]);
    network.submit(1..=3);
    network.run(499);
    assert!(network.suspects().is_empty());
    network.run(2_000);
    assert_eq!(network.suspects(), [replica_node(0)]);
    let leader = network.told.iter().any(|event| {
        matches!(
            event,
            ClientEvent::Suspect {
                kind: FaultType::Leader,
                ..
            }
        )
    });
    assert!(leader);
    heal(&mut network);
    network.replace(0, 2);
    network.run(0);
    network.assert_right(3);
}

/// A suspicion that was lost is raised again, ten quorum timeouts later.
#[test]
fn a_suspicion_is_repeated_slowly_while_it_holds() {
    let config = config(Suite::Modern, 4, true);
    let timeouts = config.timing.quorum_timeout.as_millis() as u64;
    let mut network = Network::new(config);
    mute(&mut network, &[0]);
    network.submit([1]);
    network.run(timeouts * 32);
    let count = network.suspects().len();
    assert!((2..=4).contains(&count), "{count}");
}

/// A network that loses a third of all messages, doubles and reorders the rest still gets every job certified, right, once.
#[test]
fn loss_doubling_and_reordering_cost_time_only() {
    for seed in 1..=20_u64 {
        let mut network = Network::new(config(Suite::Modern, 4, true));
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut late = Vec::new();
        network.adversary = Box::new(move |_, to, message| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match (state >> 33) % 6 {
                0 | 1 => Vec::new(),
                2 => vec![message.clone(), message],
                3 => {
                    late.push((to, message));
                    Vec::new()
                }
                _ => {
                    // What was held back goes after this one, if it was for the same node.
                    let mut arrives = vec![message];
                    while let Some(at) = late.iter().position(|(node, _)| *node == to) {
                        arrives.push(late.remove(at).1);
                    }
                    arrives
                }
            }
        });
        network.submit(1..=40);
        network.run(60_000);
        network.assert_right(40);
        assert_eq!(
            network.certificates().len(),
            40,
            "seed {seed}: nothing is certified twice"
        );
    }
}
