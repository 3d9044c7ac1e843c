//! Completes a ledger from what the platform and the clients recorded: symptom, detection, recovery.

use tally_capture::{Effect, FaultRecord};
use tally_model::{NodeId, Observation, SetId, Step};

/// An answered request, as far as a ledger needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it was due.
    pub intended: u64,
    /// When its answer arrived; none if it never did.
    pub done: Option<u64>,
    /// The sets that computed it.
    pub sets: Vec<SetId>,
}

/// Latency beyond which a request counts as a symptom of a fault, as a multiple of the median before the faults.
const SYMPTOM: u64 = 5;

/// Fills in when each fault was first felt, when the platform noticed, and when it had made up for it.
///
/// `observations` and `answered` are in trial time; observations of one step about one node are in order.
pub fn explain(records: &mut [FaultRecord], observations: &[Observation], answered: &[Answered]) {
    let first = records.iter().filter_map(effective).min().unwrap_or(u64::MAX);
    let mut before: Vec<u64> = answered
        .iter()
        .filter(|request| request.intended < first)
        .filter_map(|request| request.done.map(|done| done.saturating_sub(request.intended)))
        .collect();
    before.sort_unstable();
    let median = before.get(before.len() / 2).copied();
    for record in records {
        let Some(effective) = effective(record) else {
            continue;
        };
        record.symptom = symptom(effective, record, answered, median);
        if record.role == "control-plane" {
            explain_control_plane(record, effective, observations, answered);
        } else {
            explain_member(record, effective, observations, answered);
        }
    }
}

fn effective(record: &FaultRecord) -> Option<u64> {
    record.effective.as_ref().map(|effect| effect.at)
}

fn at(observation: &Observation) -> u64 {
    observation.at.as_nanos()
}

fn symptom(
    effective: u64,
    record: &FaultRecord,
    answered: &[Answered],
    median: Option<u64>,
) -> Option<Effect> {
    let limit = median?.saturating_mul(SYMPTOM).max(1_000_000);
    let until = record.healed.as_ref().map_or(u64::MAX, |effect| effect.at);
    let felt = answered
        .iter()
        .filter(|request| request.done.is_none_or(|done| done >= effective))
        .filter(|request| request.intended <= until)
        .filter(|request| {
            request
                .done
                .is_none_or(|done| done - request.intended.min(done) > limit)
        })
        .map(|request| request.intended.saturating_add(limit).max(effective))
        .min()?;
    Some(Effect {
        at: felt,
        evidence: format!("a request took more than {SYMPTOM} times the median before"),
    })
}

fn targets(record: &FaultRecord) -> Vec<NodeId> {
    record
        .target
        .split(", ")
        .filter_map(|name| name.parse().ok())
        .collect()
}

fn explain_member(
    record: &mut FaultRecord,
    effective: u64,
    observations: &[Observation],
    answered: &[Answered],
) {
    let nodes = targets(record);
    let about = |observation: &&Observation| observation.node.is_some_and(|node| nodes.contains(&node));
    let noticed = observations
        .iter()
        .filter(|observation| at(observation) >= effective)
        .filter(|observation| observation.step == Step::FaultRaised)
        .find(about);
    record.detected = noticed.map(|observation| Effect {
        at: at(observation),
        evidence: format!(
            "fault raised: {}",
            observation.note.as_deref().unwrap_or("no remark")
        ),
    });
    // A pause that ended before anybody noticed needs no repair: the set simply goes on.
    let back = match (&record.detected, &record.healed) {
        // A set that was made anew under another number is seen by the healing alone.
        (Some(detected), healed) => {
            ready_again(&nodes, detected.at, observations).or_else(|| healed.as_ref().map(|healed| healed.at))
        }
        (None, Some(healed)) => Some(healed.at),
        (None, None) => None,
    };
    let Some(back) = back else { return };
    let sets: Vec<SetId> = nodes.iter().filter_map(|node| node.set()).collect();
    let again = answered
        .iter()
        .filter(|request| request.sets.iter().any(|set| sets.contains(set)))
        .filter_map(|request| request.done)
        .filter(|done| *done >= back)
        .min();
    record.recovered = Some(match again {
        Some(done) => Effect {
            at: done,
            evidence: "first answer by the repaired set".into(),
        },
        None => Effect {
            at: back,
            evidence: "the set is ready again; no task came its way".into(),
        },
    });
}

/// When every place was filled again: its set is ready, or, where the others went on without it, its new occupant is.
fn ready_again(nodes: &[NodeId], after: u64, observations: &[Observation]) -> Option<u64> {
    let ready = |node: &NodeId| {
        let later = || observations.iter().filter(|observation| at(observation) >= after);
        later()
            .find(|observation| match observation.step {
                Step::SetReady => observation.set == node.set(),
                Step::PodReady => observation.node == Some(*node),
                _ => false,
            })
            .map(at)
    };
    nodes
        .iter()
        .map(ready)
        .collect::<Option<Vec<u64>>>()?
        .into_iter()
        .max()
}

fn explain_control_plane(
    record: &mut FaultRecord,
    effective: u64,
    observations: &[Observation],
    answered: &[Answered],
) {
    let restarted = observations
        .iter()
        .filter(|observation| at(observation) >= effective && observation.step == Step::RoleStarted)
        .find(|observation| observation.node == Some(NodeId::Control))
        .map(at);
    let back = if record.kind == "pause" {
        record.healed.as_ref().map(|effect| effect.at)
    } else {
        restarted
    };
    record.detected = restarted
        .map(|at| Effect {
            at,
            evidence: "it started again".into(),
        })
        .or_else(|| record.healed.clone().filter(|_| record.kind == "pause"));
    let Some(back) = back else { return };
    let first = answered
        .iter()
        .filter_map(|request| request.done)
        .filter(|done| *done >= back)
        .min();
    record.recovered = first.map(|at| Effect {
        at,
        evidence: "first answer after the outage".into(),
    });
}

#[cfg(test)]
mod tests {
    use tally_model::{Instant, Operation};

    use super::*;

    fn fault(role: &str, target: &str) -> FaultRecord {
        FaultRecord {
            name: "f".into(),
            kind: "kill".into(),
            role: role.into(),
            target: target.into(),
            planned: 90,
            duration: 1_000,
            requested: Some(95),
            effective: Some(Effect {
                at: 100,
                evidence: "gone".into(),
            }),
            symptom: None,
            detected: None,
            recovered: None,
            healed: Some(Effect {
                at: 900,
                evidence: "back".into(),
            }),
            problem: None,
        }
    }

    fn seen(at: u64, step: Step, node: &str) -> Observation {
        Observation::new(Instant::from_nanos(at), step).with_node(node.parse().unwrap())
    }

    /// What happened to another node, or before the fault, explains nothing.
    #[test]
    fn only_later_facts_about_the_victim_count() {
        let set = SetId {
            operation: Operation::Add,
            number: 0,
        };
        let observations = [
            seen(50, Step::FaultRaised, "add-0/worker"),
            seen(150, Step::FaultRaised, "add-1/worker"),
            seen(200, Step::FaultRaised, "add-0/worker"),
            Observation::new(Instant::from_nanos(700), Step::SetReady).with_set(set),
        ];
        let answered = [
            Answered {
                intended: 10,
                done: Some(20),
                sets: vec![set],
            },
            Answered {
                intended: 300,
                done: Some(800),
                sets: vec![set],
            },
        ];
        let mut records = [fault("worker", "add-0/worker")];
        explain(&mut records, &observations, &answered);
        assert_eq!(records[0].detected.as_ref().map(|effect| effect.at), Some(200));
        assert_eq!(records[0].recovered.as_ref().map(|effect| effect.at), Some(800));
    }

    /// A set that was made anew has another number: that its fault was noticed and healed is all there is to see.
    #[test]
    fn a_set_made_anew_is_recovered_when_it_is_healed() {
        let observations = [seen(200, Step::FaultRaised, "add-0/worker")];
        let mut records = [fault("worker", "add-0/worker")];
        explain(&mut records, &observations, &[]);
        let healed = records[0].healed.as_ref().map(|effect| effect.at);
        assert!(healed.is_some());
        assert_eq!(records[0].recovered.as_ref().map(|effect| effect.at), healed);
    }

    /// A fault nobody noticed and nothing was made up for stays open.
    #[test]
    fn nothing_is_filled_in_without_evidence() {
        let mut records = [fault("worker", "add-0/worker")];
        records[0].healed = None;
        explain(&mut records, &[], &[]);
        assert_eq!(records[0].detected, None);
        assert_eq!(records[0].recovered, None);
    }

    /// The control plane is back with the first answer after its restart.
    #[test]
    fn a_control_plane_recovers_with_the_first_answer() {
        let observations = [seen(600, Step::RoleStarted, "control")];
        let answered = [
            Answered {
                intended: 10,
                done: Some(20),
                sets: Vec::new(),
            },
            Answered {
                intended: 110,
                done: Some(650),
                sets: Vec::new(),
            },
        ];
        let mut records = [fault("control-plane", "control-plane")];
        explain(&mut records, &observations, &answered);
        assert_eq!(records[0].detected.as_ref().map(|effect| effect.at), Some(600));
        assert_eq!(records[0].recovered.as_ref().map(|effect| effect.at), Some(650));
    }
}
