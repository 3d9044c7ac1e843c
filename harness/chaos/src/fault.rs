//! The six steps every fault goes through (the shape of CockroachDB's failure library), and who plays them.

use std::time::{Duration, Instant};

use tally_capture::{Effect, FaultRecord};
use tally_model::{FaultType, Operation};

/// What is to be done to whom, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name in the experiment.
    pub name: String,
    /// `kill`, `pause`, and what else the world can do.
    pub kind: String,
    /// The role it is aimed at.
    pub role: FaultType,
    /// How many of the role at most.
    pub count: usize,
    /// Only sets of this operation.
    pub operation: Option<Operation>,
    /// Only this role of the control plane, where its roles are pods of their own.
    pub part: Option<String>,
    /// How long it lasts; more than 0.
    pub duration: Duration,
    /// Draws the victims.
    pub seed: u64,
}

/// Why a step failed; ends up in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Problem {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// One fault, step by step. Every step may wait; none may wait for ever.
pub trait Fault {
    /// Chooses the victims; returns them as the ledger names them.
    ///
    /// # Errors
    /// If there is nobody of that role.
    fn set_up(&mut self) -> Result<String, Problem>;

    /// Does it.
    ///
    /// # Errors
    /// If it could not be asked for.
    fn inject(&mut self) -> Result<(), Problem>;

    /// Sees that it took effect.
    ///
    /// # Errors
    /// If no effect was seen in time.
    fn confirm_effect(&mut self) -> Result<Effect, Problem>;

    /// Waits until it is over, or ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    fn recover(&mut self) -> Result<(), Problem>;

    /// Sees that the victims, or their replacements, are there again.
    ///
    /// # Errors
    /// If they are not in time.
    fn confirm_recovery(&mut self) -> Result<Effect, Problem>;

    /// Leaves nothing behind.
    ///
    /// # Errors
    /// If something is left.
    fn clean_up(&mut self) -> Result<(), Problem>;
}

impl<F: Fault + ?Sized> Fault for Box<F> {
    fn set_up(&mut self) -> Result<String, Problem> {
        (**self).set_up()
    }
    fn inject(&mut self) -> Result<(), Problem> {
        (**self).inject()
    }
    fn confirm_effect(&mut self) -> Result<Effect, Problem> {
        (**self).confirm_effect()
    }
    fn recover(&mut self) -> Result<(), Problem> {
        (**self).recover()
    }
    fn confirm_recovery(&mut self) -> Result<Effect, Problem> {
        (**self).confirm_recovery()
    }
    fn clean_up(&mut self) -> Result<(), Problem> {
        (**self).clean_up()
    }
}

/// Plays all six steps and keeps the ledger. `now` tells nanoseconds since the trial began; clean-up happens in any case.
pub fn play(fault: &mut dyn Fault, order: &Order, planned: u64, now: &dyn Fn() -> u64) -> FaultRecord {
    let duration = order.duration.as_nanos() as u64;
    let mut record = FaultRecord::planned(&order.name, &order.kind, role_name(order.role), planned, duration);
    if let Err(problem) = steps(fault, &mut record, now) {
        record.problem = Some(problem.0);
    }
    if let Err(problem) = fault.clean_up() {
        let before = record
            .problem
            .take()
            .map_or(String::new(), |text| format!("{text}; "));
        record.problem = Some(format!("{before}clean-up: {problem}"));
    }
    record
}

fn steps(fault: &mut dyn Fault, record: &mut FaultRecord, now: &dyn Fn() -> u64) -> Result<(), Problem> {
    record.target = fault.set_up()?;
    record.requested = Some(now());
    fault.inject()?;
    record.effective = Some(fault.confirm_effect()?);
    fault.recover()?;
    record.healed = Some(fault.confirm_recovery()?);
    Ok(())
}

/// Between two looks at what cannot tell by itself.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until `seen` says yes; `now` tells nanoseconds since the trial began.
pub(crate) fn wait_until(
    limit: Duration,
    now: &dyn Fn() -> u64,
    mut seen: impl FnMut() -> Result<Option<String>, Problem>,
) -> Result<Effect, Problem> {
    let until = Instant::now() + limit;
    loop {
        let last = match seen() {
            Ok(Some(evidence)) => return Ok(Effect { at: now(), evidence }),
            Ok(None) => Problem::from("nothing was seen"),
            Err(problem) => problem,
        };
        if Instant::now() >= until {
            return Err(Problem(format!("not confirmed within {limit:?}: {last}")));
        }
        std::thread::sleep(LOOK);
    }
}

/// The name of a role in experiment files and ledgers.
pub(crate) const fn role_name(role: FaultType) -> &'static str {
    match role {
        FaultType::Worker => "worker",
        FaultType::Leader => "leader",
        FaultType::Follower => "follower",
        FaultType::ControlPlane => "control-plane",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fault that fails at a chosen step and remembers what was called.
    struct Script {
        fails_at: &'static str,
        called: Vec<&'static str>,
    }

    impl Script {
        fn step(&mut self, name: &'static str) -> Result<(), Problem> {
            self.called.push(name);
            if self.fails_at == name {
                Err(Problem(format!("{name} failed")))
            } else {
                Ok(())
            }
        }

        fn effect(&mut self, name: &'static str) -> Result<Effect, Problem> {
            self.step(name).map(|()| Effect {
                at: 1,
                evidence: name.into(),
            })
        }
    }

    impl Fault for Script {
        fn set_up(&mut self) -> Result<String, Problem> {
            self.step("set_up").map(|()| "add-0/worker".into())
        }
        fn inject(&mut self) -> Result<(), Problem> {
            self.step("inject")
        }
        fn confirm_effect(&mut self) -> Result<Effect, Problem> {
            self.effect("confirm_effect")
        }
        fn recover(&mut self) -> Result<(), Problem> {
            self.step("recover")
        }
        fn confirm_recovery(&mut self) -> Result<Effect, Problem> {
            self.effect("confirm_recovery")
        }
        fn clean_up(&mut self) -> Result<(), Problem> {
            self.step("clean_up")
        }
    }

    const STEPS: [&str; 6] = [
        "set_up",
        "inject",
        "confirm_effect",
        "recover",
        "confirm_recovery",
        "clean_up",
    ];

    fn order() -> Order {
        Order {
            name: "f".into(),
            kind: "kill".into(),
            role: FaultType::Worker,
            count: 1,
            operation: None,
            part: None,
            duration: Duration::from_secs(1),
            seed: 0,
        }
    }

    /// The six steps come in their order, and a fault that went well has no problem.
    #[test]
    fn all_six_steps_are_played_in_order() {
        let mut script = Script {
            fails_at: "",
            called: Vec::new(),
        };
        let record = play(&mut script, &order(), 5, &|| 7);
        assert_eq!(script.called, STEPS);
        assert_eq!(record.problem, None);
        assert_eq!((record.planned, record.requested), (5, Some(7)));
        assert!(record.effective.is_some() && record.healed.is_some());
    }

    /// Whatever fails, the rest is not pretended, the reason is kept, and the place is left clean.
    #[test]
    fn a_failed_step_is_told_and_cleaned_up_after() {
        for (index, step) in STEPS.into_iter().enumerate() {
            let mut script = Script {
                fails_at: step,
                called: Vec::new(),
            };
            let record = play(&mut script, &order(), 0, &|| 0);
            assert!(record.problem.is_some_and(|text| text.contains(step)), "{step}");
            assert_eq!(script.called.last(), Some(&"clean_up"));
            assert_eq!(record.effective.is_some(), index > 2, "{step}");
            assert_eq!(record.healed.is_some(), index > 4, "{step}");
        }
    }
}
