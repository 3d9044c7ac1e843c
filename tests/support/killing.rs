//! Kills processes of a running platform by hand and sees them replaced.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rustix::process::Signal;
use tally_local::{MachineStatus, Operator, State};
use tally_model::{MemberRole, NodeId, Operation, PodPhase, SetId, SetRecord, SetState};

use super::program::{Desk, send, until};

/// Who is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prey {
    ControlPlane,
    Member(MemberRole),
}

/// The hand, and the platform it reaches into.
pub(crate) struct Killer {
    state: State,
    operator: Operator,
    random: StdRng,
}

impl Killer {
    /// For the platform that `up` started on `desk`.
    pub(crate) fn new(desk: &Desk, seed: u64) -> Self {
        let state: State =
            serde_json::from_slice(&std::fs::read(desk.path("state/platform.json")).unwrap()).unwrap();
        Self {
            operator: Operator::new(state.supervisor).unwrap(),
            state,
            random: StdRng::seed_from_u64(seed),
        }
    }

    fn status(&mut self) -> MachineStatus {
        let operator = &mut self.operator;
        until("the supervisor's answer", || operator.status().ok())
    }

    /// The newest records of the sets; the gateway may be down for a moment.
    fn sets(&self) -> Vec<SetRecord> {
        until("the gateway's answer", || {
            let mut client = tally_load::Client::new(self.state.http, std::time::Duration::from_secs(5));
            let reply = client.get("/v1/sets").ok()?;
            let records: Vec<SetRecord> = serde_json::from_slice(&reply.body).ok()?;
            let newest: std::collections::BTreeMap<SetId, SetRecord> =
                records.into_iter().map(|set| (set.id, set)).collect();
            let is_there = |operation| newest.keys().any(|set| set.operation == operation);
            Operation::ALL
                .into_iter()
                .all(is_there)
                .then(|| newest.into_values().collect())
        })
    }

    /// Kills one with -9 and waits until another serves in its place.
    pub(crate) fn kill(&mut self, prey: Prey) {
        match prey {
            Prey::ControlPlane => self.kill_control_plane(),
            Prey::Member(role) => self.kill_member(role),
        }
    }

    fn kill_control_plane(&mut self) {
        let operator = &mut self.operator;
        let mut running = |not: Option<u32>| {
            until("a control plane", || {
                let pod = operator.status().ok()?.control_plane.pod;
                (pod.phase == PodPhase::Running && pod.process != not).then_some(pod.process)?
            })
        };
        let victim = running(None);
        send(victim, Signal::KILL);
        running(Some(victim));
    }

    fn kill_member(&mut self, role: MemberRole) {
        let (node, incarnation, process) = until("somebody to kill", || {
            let sets = self.sets();
            let choices: Vec<_> = sets
                .iter()
                .filter(|set| set.state == SetState::Ready)
                .flat_map(|set| {
                    set.members()
                        .filter(|member| set.role_of(member.node) == Some(role))
                })
                .collect();
            let member = *choices.choose(&mut self.random)?;
            let process = self.process_of(member.node, member.incarnation)?;
            Some((member.node, member.incarnation, process))
        });
        send(process, Signal::KILL);
        until("a replacement that serves", || {
            let sets = self.sets();
            let set = sets.iter().find(|set| Some(set.id) == node.set())?;
            let pods = self.status().pods;
            if pods.iter().all(|occupant| occupant.pod.node.set() != node.set()) {
                // The set was scaled away: it has no place that could be filled.
                return Some(());
            }
            let member = set.members().find(|member| member.node == node)?;
            (set.state == SetState::Ready && member.incarnation > incarnation).then_some(())
        });
    }

    fn process_of(&mut self, node: NodeId, incarnation: u32) -> Option<u32> {
        let pods = self.status().pods;
        let pod = pods
            .into_iter()
            .map(|occupant| occupant.pod)
            .find(|pod| (pod.node, pod.incarnation, pod.phase) == (node, incarnation, PodPhase::Running))?;
        pod.process
    }

    /// Kills any process of the platform but the supervisor, and waits for nothing.
    pub(crate) fn kill_anything(&mut self, sparing_control_plane: bool) -> String {
        let status = self.status();
        let running: Vec<(String, u32)> = status
            .pods
            .into_iter()
            .map(|occupant| occupant.pod)
            .chain((!sparing_control_plane).then_some(status.control_plane.pod))
            .filter_map(|pod| Some((pod.name, pod.process?)))
            .collect();
        let (name, process) = running.choose(&mut self.random).unwrap().clone();
        send(process, Signal::KILL);
        name
    }
}
