//! Which pod serves in whose place.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use tally_cluster::PodFact;
use tally_model::{SetRecord, SetState};

/// Whether that pod is where an address leads to.
pub(super) fn is_at(pod: &PodFact, address: &str) -> bool {
    let address = address.parse().map(|address: SocketAddr| address.ip());
    let ip = pod.ip.as_deref().map(str::parse::<IpAddr>);
    !pod.gone && matches!((address, ip), (Ok(address), Some(Ok(ip))) if address == ip)
}

/// Whether tasks are sent to that pod.
pub(super) fn serves(sets: &[SetRecord], pod: &PodFact) -> bool {
    let mut ready = sets.iter().filter(|set| set.state == SetState::Ready);
    ready.any(|set| set.members().any(|member| is_at(pod, &member.address)))
}

/// Takes the pod that serves in the place of one that a Deployment made: the same one restarted or, if that is gone, one of its kind
/// that was not `there` before. Taken, so that one does not stand for two.
pub(super) fn successor(
    pods: &mut Vec<PodFact>,
    before: &PodFact,
    there: &BTreeSet<String>,
) -> Option<PodFact> {
    let kind = |pod: &PodFact| {
        (
            pod.namespace.clone(),
            pod.component.clone(),
            pod.operation.clone(),
        )
    };
    let stays = pods.iter().any(|pod| pod.uid == before.uid && !pod.gone);
    let next = pods.iter().position(|pod| {
        let another = if stays {
            pod.uid == before.uid && pod.restarts > before.restarts
        } else {
            !there.contains(&pod.uid)
        };
        pod.ready && another && kind(pod) == kind(before)
    })?;
    Some(pods.swap_remove(next))
}

/// Of a successor, in the ledger.
pub(super) fn told_of(next: &PodFact) -> String {
    format!(
        "{} serves as {} (restarts: {})",
        next.name, next.component, next.restarts
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, restarts: u32) -> PodFact {
        PodFact {
            name: "worker-add-x".into(),
            uid: uid.into(),
            component: "worker".into(),
            operation: Some("add".into()),
            ready: true,
            restarts,
            ..PodFact::default()
        }
    }

    fn succeeds(pods: &[PodFact]) -> bool {
        let there = BTreeSet::from(["a".to_owned(), "sibling".to_owned()]);
        successor(&mut pods.to_vec(), &pod("a", 0), &there).is_some()
    }

    /// The old pod is not its own successor, nor is one that is not ready, of another kind, or was there before.
    #[test]
    fn a_successor_is_another_life_that_is_ready() {
        let late = PodFact {
            ready: false,
            ..pod("b", 0)
        };
        let other = PodFact {
            operation: Some("mul".into()),
            ..pod("b", 0)
        };
        for none in [pod("a", 0), late, other, pod("sibling", 0), pod("sibling", 1)] {
            assert!(!succeeds(std::slice::from_ref(&none)), "{none:?}");
        }
        assert!(!succeeds(&[pod("a", 0), pod("b", 0)]), "it is still there");
        assert!(succeeds(&[pod("b", 0)]));
        assert!(succeeds(&[pod("a", 1), pod("sibling", 0)]));
    }

    /// Two that were lost need two in their places.
    #[test]
    fn one_pod_does_not_stand_for_two() {
        let there = BTreeSet::from(["a".to_owned()]);
        let mut pods = vec![pod("b", 0)];
        assert!(successor(&mut pods, &pod("a", 0), &there).is_some());
        assert_eq!(successor(&mut pods, &pod("a", 0), &there), None);
    }

    /// A pod is found by the address in its set's record, and takes tasks only while that set is ready.
    #[test]
    fn a_pod_of_a_deployment_is_found_by_its_address() {
        let worker = PodFact {
            ip: Some("10.0.0.7".into()),
            ..pod("a", 0)
        };
        assert!(is_at(&worker, "10.0.0.7:7000"));
        assert!(!is_at(&worker, "10.0.0.8:7000") && !is_at(&worker, ""));
        assert!(!is_at(&pod("a", 0), "10.0.0.7:7000"));
    }
}
