//! Who is there to be hit.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tally_model::{FaultType, MemberRole, NodeId, Operation, SetRecord, SetState};

use crate::Order;
use crate::fault::Problem;

/// One victim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Its place; `NodeId::Control` is the control plane.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// Its pod where the platform makes them, or `control-plane`.
    pub pod: String,
    /// Where its set's record says that it is reached; empty for the control plane.
    pub address: String,
    /// The highest number that a set of its operation had.
    pub newest: u32,
}

/// Where faults happen: tells who is there.
pub trait Field {
    /// The sets as they are now.
    ///
    /// # Errors
    /// If nobody can tell.
    fn sets(&mut self) -> Result<Vec<SetRecord>, Problem>;
}

/// Draws the victims of an order: members of that role in ready sets, each set at most once, in an order that the seed decides.
///
/// # Errors
/// If there is no such member.
pub fn choose(order: &Order, sets: &[SetRecord]) -> Result<Vec<Victim>, Problem> {
    let role = match order.role {
        FaultType::ControlPlane => {
            let pod = "control-plane".to_owned();
            return Ok(vec![Victim {
                node: NodeId::Control,
                incarnation: 0,
                pod,
                address: String::new(),
                newest: 0,
            }]);
        }
        FaultType::Worker => MemberRole::Worker,
        FaultType::Leader => MemberRole::Leader,
        FaultType::Follower => MemberRole::Follower,
    };
    let mut random = ChaCha8Rng::seed_from_u64(order.seed);
    let mut ready: Vec<&SetRecord> = sets
        .iter()
        .filter(|set| set.state == SetState::Ready)
        .filter(|set| {
            order
                .operation
                .is_none_or(|operation| operation == set.id.operation)
        })
        .collect();
    ready.sort_by_key(|set| set.id);
    ready.shuffle(&mut random);
    let mut victims = Vec::new();
    for set in ready {
        let mut members: Vec<_> = set
            .members()
            .filter(|member| set.role_of(member.node) == Some(role))
            .collect();
        members.shuffle(&mut random);
        let Some(member) = members.first() else { continue };
        let name = member.node.to_string().replace('/', "-");
        victims.push(Victim {
            node: member.node,
            incarnation: member.incarnation,
            pod: format!("{name}-{}", member.incarnation),
            address: member.address.clone(),
            newest: newest(set.id.operation, sets),
        });
        if victims.len() == order.count {
            break;
        }
    }
    if victims.is_empty() {
        let of = order
            .operation
            .map_or(String::new(), |operation| format!(" of operation {operation}"));
        return Err(Problem(format!("no ready set{of} has a {}", role.name())));
    }
    Ok(victims)
}

/// The highest number of a set of that operation.
fn newest(operation: Operation, sets: &[SetRecord]) -> u32 {
    let of_it = sets.iter().filter(|set| set.id.operation == operation);
    of_it.map(|set| set.id.number).max().unwrap_or(0)
}

/// The replacement of a victim, once its set is ready again, or once another is ready in the place of a set that lost too many. A set
/// that was scaled away needs none. `sets` has the last record of sets that are gone too.
pub(crate) fn replaced(sets: &[SetRecord], victim: &Victim) -> Option<String> {
    let set = sets.iter().find(|set| Some(set.id) == victim.node.set());
    let Some(set) = set else {
        return Some(format!("the set of {} was removed", victim.node));
    };
    let member = set.members().find(|member| member.node == victim.node);
    let member = member.filter(|member| member.incarnation > victim.incarnation);
    let Some(member) = member else {
        let newer = |other: &&SetRecord| {
            other.id.operation == set.id.operation
                && other.id.number > victim.newest
                && other.state == SetState::Ready
        };
        let next = (set.state == SetState::Draining).then(|| sets.iter().find(newer));
        return next
            .flatten()
            .map(|next| format!("{} was made in the place of {}", next.id, set.id));
    };
    let ready = matches!(set.state, SetState::Ready | SetState::Draining);
    ready.then(|| format!("{} is served by incarnation {}", victim.node, member.incarnation))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tally_model::{Epoch, Instant, Member, Operation, SetId};

    use super::*;

    fn set(number: u32, state: SetState) -> SetRecord {
        let id = SetId {
            operation: Operation::Add,
            number,
        };
        let member = |node| Member {
            node,
            incarnation: 2,
            address: String::new(),
            public_key: String::new(),
        };
        SetRecord {
            id,
            epoch: Epoch(1),
            founded: None,
            state,
            leader: 1,
            worker: Some(member(NodeId::Worker(id))),
            replicas: (0..4).map(|index| member(NodeId::Replica(id, index))).collect(),
            created: Instant::ZERO,
            ready: None,
        }
    }

    fn order(role: FaultType, count: usize) -> Order {
        Order {
            name: "f".into(),
            kind: "kill".into(),
            role,
            count,
            operation: None,
            part: None,
            duration: Duration::from_secs(1),
            seed: 3,
        }
    }

    /// A leader order hits the leader, a follower order never does.
    #[test]
    fn victims_have_the_role_that_was_asked_for() {
        let sets = [set(0, SetState::Ready)];
        let leader = choose(&order(FaultType::Leader, 1), &sets).unwrap();
        assert_eq!(leader[0].node, NodeId::Replica(sets[0].id, 1));
        assert_eq!(leader[0].pod, "add-0-replica-1-2");
        for seed in 0..50 {
            let order = Order {
                seed,
                ..order(FaultType::Follower, 1)
            };
            assert_ne!(
                choose(&order, &sets).unwrap()[0].node,
                NodeId::Replica(sets[0].id, 1)
            );
        }
    }

    /// Equal seeds hit equal victims, and sets that do not serve are left alone.
    #[test]
    fn the_draw_is_repeatable_and_among_ready_sets() {
        let sets = [
            set(0, SetState::Draining),
            set(1, SetState::Ready),
            set(2, SetState::Ready),
        ];
        let chosen = choose(&order(FaultType::Worker, 2), &sets).unwrap();
        assert_eq!(chosen, choose(&order(FaultType::Worker, 2), &sets).unwrap());
        assert_eq!(chosen.len(), 2);
        assert!(chosen.iter().all(|victim| victim.node.set() != Some(sets[0].id)));
        assert!(choose(&order(FaultType::Worker, 1), &sets[..1]).is_err());
    }

    /// A set that lost more than it bears is drained and made anew under another number; its last record stays to be read.
    #[test]
    fn a_set_in_the_place_of_the_lost_one_is_a_replacement() {
        let ready = [set(0, SetState::Ready)];
        let there = [set(0, SetState::Ready), set(1, SetState::Draining)];
        let victim = choose(&order(FaultType::Worker, 1), &there).unwrap().remove(0);
        assert_eq!(replaced(&ready, &victim), None);
        assert_eq!(replaced(&[set(0, SetState::Draining)], &victim), None);
        let starting = [set(0, SetState::Draining), set(2, SetState::Starting)];
        assert_eq!(replaced(&starting, &victim), None);
        let sibling = [set(0, SetState::Draining), set(1, SetState::Ready)];
        assert_eq!(replaced(&sibling, &victim), None, "it was there before");
        let anew = [set(0, SetState::Draining), set(2, SetState::Ready)];
        let text = replaced(&anew, &victim).unwrap();
        assert_eq!(text, "add-2 was made in the place of add-0");
        let beside = [set(0, SetState::Fenced), set(2, SetState::Ready)];
        assert_eq!(replaced(&beside, &victim), None);
    }
}
