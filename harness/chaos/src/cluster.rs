//! Faults on Kubernetes: kill of a container, deletion of a pod, kill of a machine. What happened is told by the watch.

mod harm;
mod place;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_capture::Effect;
use tally_cluster::{Operator, PodFact, SYSTEM, WORKERS};
use tally_model::{FaultType, SetRecord};

use crate::fault::{Fault, Order, Problem, wait_until};
use crate::field::{Victim, choose, replaced};
use crate::local::process_state;
use harm::{is_down, kill, kill_machine, outlive, process_of};
use place::{is_at, serves, successor, told_of};

/// How long an effect may take to be seen: a kubelet that is busy reports late, one that is gone is missed after 40 s.
const EFFECT: Duration = Duration::from_mins(1);
/// How long after its end a fault may take to be healed.
const HEALED: Duration = Duration::from_mins(2);
/// The roles of the control plane.
const CONTROL: [&str; 5] = ["gateway", "scheduler", "fleet", "admin", "autoscaler"];

type Sets = Box<dyn FnMut() -> Result<Vec<SetRecord>, Problem> + Send>;

/// What was hit: the pod as it was before, and its place if it has one.
#[derive(Debug)]
struct Hit {
    pod: PodFact,
    victim: Option<Victim>,
    /// What was paused.
    process: Option<u32>,
}

/// A fault of any kind that Kubernetes can have.
pub struct ClusterFault<'a> {
    operator: Arc<Operator>,
    sets: Sets,
    order: Order,
    now: &'a (dyn Fn() -> u64 + Sync),
    hit: Vec<Hit>,
    /// Uids of the pods before the fault: none of them was made in the place of another.
    there: BTreeSet<String>,
    machine: Option<String>,
    asked: u64,
    over: Option<Instant>,
}

impl std::fmt::Debug for ClusterFault<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterFault")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl<'a> ClusterFault<'a> {
    /// As ordered; `sets` asks the gateway for the newest set records, `now` tells nanoseconds since the trial began.
    pub fn new(
        operator: Arc<Operator>,
        sets: impl FnMut() -> Result<Vec<SetRecord>, Problem> + Send + 'static,
        order: Order,
        now: &'a (dyn Fn() -> u64 + Sync),
    ) -> Self {
        Self {
            operator,
            sets: Box::new(sets),
            order,
            now,
            hit: Vec::new(),
            there: BTreeSet::new(),
            machine: None,
            asked: 0,
            over: None,
        }
    }

    /// The pods of the control plane: those of the part that was ordered, else all.
    fn control_plane(&self) -> Result<Vec<Hit>, Problem> {
        let wanted = |pod: &PodFact| match &self.order.part {
            Some(part) => pod.component == *part,
            None => CONTROL.contains(&pod.component.as_str()),
        };
        let pods = self.operator.pods().into_iter();
        let hit: Vec<Hit> = pods
            .filter(|pod| pod.namespace == SYSTEM && pod.ready && wanted(pod))
            .map(|pod| Hit {
                pod,
                victim: None,
                process: None,
            })
            .collect();
        if hit.is_empty() {
            let part = self.order.part.as_deref().unwrap_or("control plane");
            return Err(Problem(format!("no pod of the {part} is ready")));
        }
        Ok(hit)
    }

    fn members(&mut self) -> Result<Vec<Hit>, Problem> {
        let victims = choose(&self.order, &(self.sets)()?)?;
        let pods = self.operator.pods();
        // A pod of a Deployment is not called after its place.
        let is_it = |pod: &PodFact, victim: &Victim| pod.name == victim.pod || is_at(pod, &victim.address);
        let find = |victim: Victim| {
            let mut workers = pods.iter().filter(|pod| pod.namespace == WORKERS);
            let pod = workers.find(|pod| is_it(pod, &victim)).cloned();
            let pod = pod.ok_or_else(|| {
                let Victim { pod, address, .. } = &victim;
                Problem(format!("there is no pod {pod}, and none at {address:?}"))
            })?;
            Ok(Hit {
                pod,
                victim: Some(victim),
                process: None,
            })
        };
        victims.into_iter().map(find).collect()
    }

    /// Stops the process of every pod that was hit; a process that outlives this one has them go on.
    fn pause(&mut self) -> Result<(), Problem> {
        for hit in &mut self.hit {
            let container = hit.pod.container.as_deref();
            let process = container.and_then(process_of).ok_or_else(|| {
                Problem(format!(
                    "the process of {} is not on this machine, so it cannot be paused",
                    hit.pod.name
                ))
            })?;
            let number = process.as_raw_nonzero().get();
            let seconds = self.order.duration.as_secs_f64();
            outlive(&format!("sleep {seconds}; kill -CONT {number}"))?;
            rustix::process::kill_process(process, rustix::process::Signal::STOP)
                .map_err(|error| Problem(format!("{} was not paused: {error}", hit.pod.name)))?;
            hit.process = Some(number as u32);
        }
        Ok(())
    }

    /// Whether every paused process is stopped, or (`over`) none is any more.
    fn pause_seen(&self, over: bool) -> Option<String> {
        let mut evidence = Vec::new();
        for (hit, process) in self.hit.iter().filter_map(|hit| Some((hit, hit.process?))) {
            let state = process_state(process);
            let said = match (over, state) {
                (false, Some('T')) => "is stopped",
                (true, None) => "was replaced meanwhile",
                (true, Some(state)) if state != 'T' => "runs again",
                _ => return None,
            };
            evidence.push(format!("the process of {} {said}", hit.pod.name));
        }
        Some(evidence.join(", "))
    }

    fn healing_seen(&mut self) -> Result<Option<String>, Problem> {
        if self.order.kind == "pause" {
            return Ok(self.pause_seen(true));
        }
        if let Some(machine) = &self.machine {
            let machines = self.operator.machines().map_err(told)?;
            if !machines.iter().any(|one| one.name == *machine && one.ready) {
                return Ok(None);
            }
        }
        let sets = (self.sets)()?;
        let mut pods = self.operator.pods();
        let mut evidence = Vec::new();
        for hit in &self.hit {
            let text = match &hit.victim {
                Some(victim) if hit.pod.node.is_some() => replaced(&sets, victim),
                // What the platform did not make is its kubelet's or its Deployment's to make up for.
                Some(_) => successor(&mut pods, &hit.pod, &self.there)
                    .filter(|next| serves(&sets, next))
                    .map(|next| told_of(&next)),
                None => successor(&mut pods, &hit.pod, &self.there).map(|next| told_of(&next)),
            };
            match text {
                Some(text) => evidence.push(text),
                None => return Ok(None),
            }
        }
        Ok(Some(evidence.join(", ")))
    }
}

fn told(error: tally_cluster::Error) -> Problem {
    Problem(error.to_string())
}

/// What the watch tells of a pod that was hit; none while it runs as before.
fn lost(pods: &[PodFact], before: &PodFact) -> Option<String> {
    let now = pods
        .iter()
        .find(|pod| pod.namespace == before.namespace && pod.name == before.name && pod.uid == before.uid);
    match now {
        None => Some(format!("pod {} is deleted", before.name)),
        Some(pod) if pod.restarts > before.restarts || (!pod.running && !pod.ended.is_empty()) => {
            Some(format!("the container of {} ended: {}", pod.name, pod.ended))
        }
        Some(pod) if pod.gone => Some(format!("pod {} is being deleted", pod.name)),
        Some(_) => None,
    }
}

impl Fault for ClusterFault<'_> {
    fn set_up(&mut self) -> Result<String, Problem> {
        self.hit = if self.order.role == FaultType::ControlPlane {
            self.control_plane()?
        } else {
            self.members()?
        };
        if self.order.kind == "node-kill" {
            let host = self.hit.first().and_then(|hit| hit.pod.host.clone());
            self.machine = Some(host.ok_or("the victim is on no machine yet")?);
        }
        let names = self.hit.iter().map(|hit| match &hit.victim {
            Some(victim) => victim.node.to_string(),
            None => hit.pod.component.clone(),
        });
        Ok(names.collect::<Vec<_>>().join(", "))
    }

    fn inject(&mut self) -> Result<(), Problem> {
        self.there = self.operator.pods().into_iter().map(|pod| pod.uid).collect();
        self.asked = (self.now)();
        self.over = Some(Instant::now() + self.order.duration);
        match (self.order.kind.as_str(), &self.machine) {
            ("node-kill", Some(machine)) => kill_machine(machine, self.order.duration),
            ("kill", _) => self.hit.iter().try_for_each(|hit| kill(&self.operator, &hit.pod)),
            ("pause", _) => self.pause(),
            ("pod-delete", _) => {
                let mut pods = self.hit.iter().map(|hit| &hit.pod);
                pods.try_for_each(|pod| self.operator.delete(pod, None).map_err(told))
            }
            (kind, _) => Err(Problem(format!(
                "{kind} is not there on Kubernetes yet: kill, pause, pod-delete and node-kill are"
            ))),
        }
    }

    fn confirm_effect(&mut self) -> Result<Effect, Problem> {
        let evidence = if let Some(machine) = self.machine.clone() {
            let down = || Ok(is_down(&machine).then(|| format!("machine {machine} does not run")));
            wait_until(EFFECT, self.now, down)?.evidence
        } else if self.order.kind == "pause" {
            wait_until(EFFECT, self.now, || Ok(self.pause_seen(false)))?.evidence
        } else {
            let all_lost = |pods: &[PodFact]| {
                let each: Option<Vec<String>> = self.hit.iter().map(|hit| lost(pods, &hit.pod)).collect();
                each.map(|each| each.join(", "))
            };
            self.operator.wait(EFFECT, "the effect", all_lost).map_err(told)?
        };
        // It lies between asking and now: the earlier end makes times to detect and to recover upper bounds.
        Ok(Effect {
            at: self.asked,
            evidence,
        })
    }

    fn recover(&mut self) -> Result<(), Problem> {
        // A machine is started again at the end of the fault; the rest is the platform's and the kubelet's to make up for.
        let ends_itself = self.machine.is_some() || self.order.kind == "pause";
        if let (true, Some(over)) = (ends_itself, self.over) {
            std::thread::sleep(over.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn confirm_recovery(&mut self) -> Result<Effect, Problem> {
        let now = self.now;
        wait_until(self.order.duration + HEALED, &|| now(), || self.healing_seen())
    }

    fn clean_up(&mut self) -> Result<(), Problem> {
        let Some(machine) = &self.machine else {
            return Ok(());
        };
        let started = Command::new("docker").args(["start", machine]).output();
        match started {
            Ok(answer) if answer.status.success() => Ok(()),
            Ok(answer) => Err(Problem(String::from_utf8_lossy(&answer.stderr).trim().to_owned())),
            Err(error) => Err(Problem(format!("docker: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, restarts: u32) -> PodFact {
        PodFact {
            name: "scheduler-x".into(),
            namespace: SYSTEM.into(),
            uid: uid.into(),
            component: "scheduler".into(),
            ready: true,
            running: true,
            restarts,
            ..PodFact::default()
        }
    }

    /// A pod that runs as before is no effect; one that is deleted, replaced or restarted is.
    #[test]
    fn an_effect_needs_a_change_of_the_pod_that_was_hit() {
        let before = pod("a", 0);
        assert_eq!(lost(&[pod("a", 0)], &before), None);
        for pods in [vec![], vec![pod("b", 0)], vec![pod("a", 1)]] {
            assert!(lost(&pods, &before).is_some(), "{pods:?}");
        }
        let deleting = PodFact {
            gone: true,
            ..pod("a", 0)
        };
        assert!(lost(&[deleting], &before).is_some());
    }
}
