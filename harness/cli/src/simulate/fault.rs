//! The faults of a plan on the simulated world, each with its ledger: done, seen to have happened, seen to be over.

use tally_capture::{Effect, FaultRecord};
use tally_chaos::{Planned, Victim, choose};
use tally_model::{FaultType, NodeId, SetState};
use tally_plan::role_name;
use tally_simulated::World;

use super::record::Zero;

/// Where a fault is in its life.
#[derive(Debug)]
enum State {
    Waiting,
    /// It is on.
    On,
    /// Its time is over; the platform has to make up for it.
    Over,
    Done,
}

/// One fault.
#[derive(Debug)]
pub(super) struct Fault {
    planned: Planned,
    victims: Vec<Victim>,
    /// The life of the control plane that was hit.
    life: u32,
    state: State,
    pub(super) record: FaultRecord,
}

impl Fault {
    pub(super) fn new(planned: Planned) -> Self {
        let order = &planned.order;
        let duration = order.duration.as_nanos() as u64;
        let record = FaultRecord::planned(
            &order.name,
            &order.kind,
            role_name(order.role),
            planned.at,
            duration,
        );
        Self {
            planned,
            victims: Vec::new(),
            life: 0,
            state: State::Waiting,
            record,
        }
    }

    /// When it has to be looked at next, in nanoseconds of the trial; none once it is done.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        /// Between two looks at whether it is over.
        const LOOK: u64 = 5_000_000;
        match self.state {
            State::Waiting => Some(self.planned.at),
            State::On => Some(self.end().min(now + LOOK)),
            State::Over => Some(now + LOOK),
            State::Done => None,
        }
    }

    /// It was not begun.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// Its ledger, once it is over.
    pub(super) const fn ledger(&self) -> Option<&FaultRecord> {
        match self.state {
            State::Done => Some(&self.record),
            State::Waiting | State::On | State::Over => None,
        }
    }

    fn end(&self) -> u64 {
        self.planned.at + self.record.duration
    }

    /// Whether it has to be taken back; what is killed stays dead.
    fn is_taken_back(&self) -> bool {
        self.planned.order.kind != "kill"
    }

    /// Does what is due.
    pub(super) fn look(&mut self, world: &mut World, zero: Zero) {
        let now = zero.at(world.now());
        if matches!(self.state, State::Waiting) && now >= self.planned.at {
            self.begin(world, now);
        }
        if matches!(self.state, State::On) && now >= self.end() {
            if self.is_taken_back() {
                self.take_back(world);
            }
            self.state = State::Over;
        }
        let killed = matches!(self.state, State::On) && !self.is_taken_back();
        if (killed || matches!(self.state, State::Over))
            && let Some(evidence) = self.healed(world)
        {
            self.record.healed = Some(Effect { at: now, evidence });
            self.state = State::Done;
        }
    }

    fn begin(&mut self, world: &mut World, now: u64) {
        self.record.requested = Some(now);
        let sets: Vec<_> = world.sets().cloned().collect();
        match choose(&self.planned.order, &sets) {
            Ok(victims) => self.victims = victims,
            Err(problem) => return self.fail(problem.to_string()),
        }
        let names: Vec<String> = self
            .victims
            .iter()
            .map(|victim| victim.node.to_string())
            .collect();
        self.record.target = names.join(", ");
        self.life = world.control().1;
        for victim in &self.victims {
            let done = match (victim.node, self.planned.order.kind.as_str()) {
                (NodeId::Control, "kill") => {
                    world.kill_control();
                    Ok(())
                }
                (NodeId::Control, _) => {
                    world.pause_control();
                    Ok(())
                }
                (_, "kill") => world.kill(&victim.pod),
                (_, "pause") => world.pause(&victim.pod),
                (_, "corrupt") => world.answer_wrongly(&victim.pod, true),
                (_, other) => {
                    let problem = format!("`{other}` cannot be done in virtual time");
                    return self.fail(problem);
                }
            };
            if let Err(problem) = done {
                return self.fail(problem.to_string());
            }
        }
        let what = match self.planned.order.kind.as_str() {
            "pause" => "is stopped",
            "corrupt" => "answers wrongly",
            _ => "is gone",
        };
        let pods: Vec<&str> = self.victims.iter().map(|victim| victim.pod.as_str()).collect();
        self.record.effective = Some(Effect {
            at: now,
            evidence: format!("{} {what}", pods.join(", ")),
        });
        self.state = State::On;
    }

    fn fail(&mut self, problem: String) {
        self.record.problem = Some(problem);
        self.state = State::Done;
    }

    fn take_back(&self, world: &mut World) {
        for victim in &self.victims {
            // One that was replaced meanwhile is gone, and so is what was done to it.
            let _gone = match (victim.node, self.planned.order.kind.as_str()) {
                (NodeId::Control, _) => {
                    world.resume_control();
                    Ok(())
                }
                (_, "corrupt") => world.answer_wrongly(&victim.pod, false),
                _ => world.resume(&victim.pod),
            };
        }
    }

    /// Says how it is over, if it is.
    fn healed(&self, world: &World) -> Option<String> {
        if self.planned.order.role == FaultType::ControlPlane {
            let (up, life) = world.control();
            let back = up && (self.is_taken_back() || life > self.life);
            return back.then(|| "the control plane serves".to_owned());
        }
        let serves = |victim: &Victim| {
            let set = victim.node.set()?;
            let Some(record) = world.sets().find(|record| record.id == set) else {
                return Some(format!("{set} is not wanted any more"));
            };
            let member = record.members().find(|member| member.node == victim.node)?;
            let there = record.state == SetState::Ready
                && (member.incarnation > victim.incarnation || self.is_taken_back());
            there.then(|| format!("{} {} serves", victim.node, member.incarnation))
        };
        let all: Option<Vec<String>> = self.victims.iter().map(serves).collect();
        all.map(|all| all.join(", "))
    }

    /// The ledger, at the end of the trial.
    pub(super) fn finish(mut self) -> Option<FaultRecord> {
        match self.state {
            State::Waiting => return None,
            State::On | State::Over => {
                self.record.problem = Some("it was not made up for in time".to_owned());
            }
            State::Done => {}
        }
        Some(self.record)
    }
}
