//! Kill, pause and corruption of processes on this machine, through the supervisor.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tally_capture::Effect;
use tally_local::{MachineStatus, Operator};
use tally_model::{NodeId, PodPhase, SetRecord};

use crate::fault::{Fault, Order, Problem, wait_until};
use crate::field::{Field, Victim, choose, replaced};

/// How long an effect may take to be seen.
const EFFECT: Duration = Duration::from_secs(3);
/// How long after its end a fault may take to be healed.
const HEALED: Duration = Duration::from_secs(30);

/// The local world as a field of faults.
pub struct LocalField {
    operator: Operator,
    sets: Box<dyn FnMut() -> Result<Vec<SetRecord>, Problem> + Send>,
}

impl std::fmt::Debug for LocalField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalField").finish_non_exhaustive()
    }
}

impl LocalField {
    /// Over the supervisor at `supervisor`; `sets` asks the gateway for the newest set records.
    ///
    /// # Errors
    /// If there is no way to talk to the supervisor.
    pub fn new(
        supervisor: SocketAddr,
        sets: impl FnMut() -> Result<Vec<SetRecord>, Problem> + Send + 'static,
    ) -> Result<Self, Problem> {
        let operator = Operator::new(supervisor).map_err(|error| Problem(error.to_string()))?;
        Ok(Self {
            operator,
            sets: Box::new(sets),
        })
    }

    fn status(&mut self) -> Result<MachineStatus, Problem> {
        self.operator.status().map_err(|error| Problem(error.to_string()))
    }
}

impl Field for LocalField {
    fn sets(&mut self) -> Result<Vec<SetRecord>, Problem> {
        (self.sets)()
    }
}

/// A kill or a pause.
pub struct LocalFault<'a> {
    field: LocalField,
    order: Order,
    now: &'a (dyn Fn() -> u64 + Sync),
    hit: Vec<(Victim, u32)>,
    asked: u64,
    over: Option<Instant>,
}

impl std::fmt::Debug for LocalFault<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalFault")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl<'a> LocalFault<'a> {
    /// As ordered; `now` tells nanoseconds since the trial began.
    pub fn new(field: LocalField, order: Order, now: &'a (dyn Fn() -> u64 + Sync)) -> Self {
        Self {
            field,
            order,
            now,
            hit: Vec::new(),
            asked: 0,
            over: None,
        }
    }

    /// Looks until `seen` says yes.
    fn wait_until(
        &mut self,
        limit: Duration,
        mut seen: impl FnMut(&mut Self) -> Result<Option<String>, Problem>,
    ) -> Result<Effect, Problem> {
        let now = self.now;
        wait_until(limit, &|| now(), || seen(self))
    }

    fn effect_seen(&mut self) -> Result<Option<String>, Problem> {
        let mut evidence = Vec::new();
        if self.order.kind == "corrupt" {
            // The supervisor answered when the process had said so; by now it may have been replaced for it.
            let named = |(victim, process): &(Victim, u32)| {
                format!("process {process} of {} said that it lies", victim.pod)
            };
            return Ok(Some(self.hit.iter().map(named).collect::<Vec<_>>().join(", ")));
        }
        if self.order.kind == "pause" {
            for (victim, process) in &self.hit {
                if process_state(*process) != Some('T') {
                    return Ok(None);
                }
                evidence.push(format!("process {process} of {} is stopped", victim.pod));
            }
            return Ok(Some(evidence.join(", ")));
        }
        let status = self.field.status()?;
        for (victim, process) in &self.hit {
            match how_ended(&status, victim, *process) {
                Some(ended) => {
                    evidence.push(format!("process {process} of {} is gone ({ended})", victim.pod));
                }
                None => return Ok(None),
            }
        }
        Ok(Some(evidence.join(", ")))
    }

    fn healing_seen(&mut self) -> Result<Option<String>, Problem> {
        if self.order.kind != "kill" {
            return Ok(self.resumed());
        }
        let status = self.field.status()?;
        let control = |(victim, _): &(Victim, u32)| victim.node == NodeId::Control;
        if self.hit.iter().any(control) {
            let (pod, old) = (&status.control_plane.pod, self.hit[0].1);
            let back = pod.phase == PodPhase::Running && pod.process != Some(old);
            // A gateway that tells its sets has read its store.
            return Ok((back && self.field.sets().is_ok())
                .then(|| format!("process {} serves in its place", pod.process.unwrap_or(0))));
        }
        let sets = self.field.sets()?;
        let mut evidence = Vec::new();
        for (victim, _) in &self.hit {
            match replaced(&sets, victim) {
                Some(text) => evidence.push(text),
                None => return Ok(None),
            }
        }
        Ok(Some(evidence.join(", ")))
    }

    /// A resumed process runs, or was replaced while it was stopped.
    fn resumed(&self) -> Option<String> {
        let states = self
            .hit
            .iter()
            .map(|(victim, process)| (victim, process, process_state(*process)));
        let mut evidence = Vec::new();
        for (victim, process, state) in states {
            match state {
                Some('T') => return None,
                Some(_) if is_corrupt(*process) => return None,
                Some(_) => evidence.push(format!("process {process} of {} runs again", victim.pod)),
                None => evidence.push(format!(
                    "process {process} of {} was replaced meanwhile",
                    victim.pod
                )),
            }
        }
        Some(evidence.join(", "))
    }
}

impl Fault for LocalFault<'_> {
    fn set_up(&mut self) -> Result<String, Problem> {
        let sets = if self.order.role == tally_model::FaultType::ControlPlane {
            Vec::new()
        } else {
            self.field.sets()?
        };
        self.hit = choose(&self.order, &sets)?
            .into_iter()
            .map(|victim| (victim, 0))
            .collect();
        let names: Vec<String> = self
            .hit
            .iter()
            .map(|(victim, _)| match victim.node {
                NodeId::Control => victim.pod.clone(),
                NodeId::Worker(_) | NodeId::Replica(..) => victim.node.to_string(),
            })
            .collect();
        Ok(names.join(", "))
    }

    fn inject(&mut self) -> Result<(), Problem> {
        self.asked = (self.now)();
        for (victim, process) in &mut self.hit {
            *process = self
                .field
                .operator
                .inject(&self.order.kind, &victim.pod, self.order.duration)
                .map_err(|error| Problem(error.to_string()))?;
        }
        self.over = Some(Instant::now() + self.order.duration);
        Ok(())
    }

    fn confirm_effect(&mut self) -> Result<Effect, Problem> {
        // The signal is delivered during the call, so the effect lies between asking and now: the earlier end makes times to
        // detect and to recover upper bounds.
        let seen = self.wait_until(EFFECT, Self::effect_seen)?;
        Ok(Effect {
            at: self.asked,
            ..seen
        })
    }

    fn recover(&mut self) -> Result<(), Problem> {
        // The supervisor ends it; the platform may have made up for it before.
        if self.order.kind != "kill"
            && let Some(over) = self.over
        {
            std::thread::sleep(over.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn confirm_recovery(&mut self) -> Result<Effect, Problem> {
        self.wait_until(self.order.duration + HEALED, Self::healing_seen)
    }

    fn clean_up(&mut self) -> Result<(), Problem> {
        let mine: Vec<String> = self
            .hit
            .iter()
            .map(|(victim, _)| format!("{} {}", self.order.kind, victim.pod))
            .collect();
        if let Some(over) = self.over {
            std::thread::sleep(over.saturating_duration_since(Instant::now()));
        }
        let left = |fault: &mut Self| {
            let on = fault.field.status()?.faults;
            Ok((!on.iter().any(|fault| mine.contains(fault))).then(String::new))
        };
        self.wait_until(EFFECT, left).map(|_| ())
    }
}

/// How the process of a victim ended; none while it runs.
fn how_ended(status: &MachineStatus, victim: &Victim, process: u32) -> Option<String> {
    if process_state(process).is_some_and(|state| state != 'Z') {
        return None;
    }
    let occupant = if victim.node == NodeId::Control {
        Some(&status.control_plane)
    } else {
        status
            .pods
            .iter()
            .find(|occupant| occupant.pod.name == victim.pod)
    };
    let ended = occupant
        .map(|occupant| occupant.ended.clone())
        .unwrap_or_default();
    Some(if ended.is_empty() {
        "reaped".to_owned()
    } else {
        ended
    })
}

/// Whether a process says in its name that it was told to lie.
fn is_corrupt(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/comm"))
        .is_ok_and(|name| name.trim_end() == "tally-corrupt")
}

/// The kernel's letter for a process; none if it does not exist.
pub(crate) fn process_state(process: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything, so the state is looked for behind the last one.
    stat.rsplit_once(") ")?.1.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stopped process is told from a running one and from none, which is what confirms a pause.
    #[test]
    fn the_state_of_a_process_is_read_from_the_kernel() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        assert!(matches!(process_state(child.id()), Some('S' | 'R' | 'D')));
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        while process_state(child.id()) != Some('T') {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process_state(child.id()), None);
    }
}
