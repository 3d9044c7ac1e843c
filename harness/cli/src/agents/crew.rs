//! All agents of a trial: gathered, started at one instant, heard until each has told everything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tally_load::LAG_FLOOR;
use tally_plan::{Experiment, Plan};

use super::member::Member;
use super::message::{Assignment, Frame, Note, Order};
use super::seats::Seats;
use crate::run::{Broken, Senders, Sent, Told, Zero, wall};

/// Between the order to start and the start: the order's way, and the way to the gateway.
const LEAD: Duration = Duration::from_secs(1);
/// Between two looks at flags.
const LOOK: Duration = Duration::from_millis(20);
/// Questions for each clock; the fastest answer counts.
const CLOCKS: u32 = 5;

/// What every agent of a trial is told.
pub(crate) struct Brief<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) plan: &'a Plan,
    pub(crate) tag: &'a str,
    pub(crate) trial: u32,
}

/// Agents that know what to do and wait for the start.
pub(crate) struct Crew {
    members: Vec<Member>,
    seats: Box<dyn Seats>,
}

impl Crew {
    /// Starts an agent in every seat, and returns when all have the same plan and clocks that agree.
    ///
    /// # Errors
    /// The first agent that does not come so far, and why.
    pub(crate) fn gather(seats: Box<dyn Seats>, brief: &Brief<'_>) -> Result<Self, String> {
        let mut crew = Self {
            members: Vec::new(),
            seats,
        };
        match crew.prepare(brief) {
            Ok(()) => Ok(crew),
            Err(problem) => {
                // What is wrong comes first; that something stayed is seen by `tally status --leaks`.
                let _ = crew.disband();
                Err(problem)
            }
        }
    }

    fn prepare(&mut self, brief: &Brief<'_>) -> Result<(), String> {
        let mut commands = self.seats.commands()?;
        let of = commands.len() as u32;
        for (index, (name, command)) in commands.iter_mut().enumerate() {
            let member = Member::start(format!("agent {index} ({name})"), command)?;
            let assignment = Assignment {
                experiment: brief.experiment.clone(),
                index: index as u32,
                of,
                gateway: self.seats.gateway(),
                tag: brief.tag.to_owned(),
                trial: brief.trial,
            };
            named(&member, member.order(&Order::Assign(Box::new(assignment))))?;
            self.members.push(member);
        }
        let hash = brief.plan.hash();
        for member in &self.members {
            match named(member, member.next())? {
                Frame::Note(Note::Ready(theirs)) if theirs == hash => {}
                Frame::Note(Note::Ready(_)) => {
                    return Err(format!(
                        "{} drew another plan from the same seed: its program is another one; bring this one to it (`tally up`, deploy/image.sh)",
                        member.name
                    ));
                }
                other => return Err(unexpected(member, &other)),
            }
            clock(member)?;
        }
        Ok(())
    }

    /// How many.
    pub(crate) fn len(&self) -> u32 {
        self.members.len() as u32
    }

    /// Decides the start and tells it to all.
    ///
    /// # Errors
    /// If one cannot be told.
    pub(crate) fn begin(&self) -> Result<Playing<'_>, String> {
        let zero = Zero::after(LEAD);
        for member in &self.members {
            named(member, member.order(&Order::Start(zero.wall)))?;
        }
        let states = self.members.iter().map(|_| State::default()).collect();
        Ok(Playing {
            crew: self,
            zero,
            states: Mutex::new(states),
            changed: Condvar::new(),
        })
    }

    /// Ends every agent and removes its seat.
    ///
    /// # Errors
    /// If something stays.
    pub(crate) fn disband(self) -> Result<(), String> {
        drop(self.members);
        self.seats.leave()
    }
}

fn named<T>(member: &Member, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|problem| format!("{}: {problem}", member.name))
}

fn unexpected(member: &Member, frame: &Frame) -> String {
    match frame {
        Frame::Note(Note::Trouble(trouble)) => format!("{}: {trouble}", member.name),
        other => format!("{}: said out of turn: {other:?}", member.name),
    }
}

/// Agents start by their own wall clock, so that has to be the harness's, as closely as a late request is told from one on time.
fn clock(member: &Member) -> Result<(), String> {
    let mut best: Option<(u64, i128)> = None;
    for _ in 0..CLOCKS {
        let asked = wall();
        named(member, member.order(&Order::Clock))?;
        let theirs = match named(member, member.next())? {
            Frame::Note(Note::Clock(theirs)) => theirs,
            other => return Err(unexpected(member, &other)),
        };
        let way = wall().saturating_sub(asked);
        let off = i128::from(theirs) - i128::from(asked + way / 2);
        if best.is_none_or(|(shortest, _)| way < shortest) {
            best = Some((way, off));
        }
    }
    // The true difference lies within half of the way there and back from what was seen.
    let off = best.map_or(0, |(way, off)| {
        off.unsigned_abs().saturating_sub(u128::from(way / 2))
    });
    if off > LAG_FLOOR.as_nanos() {
        return Err(format!(
            "{}: its clock differs from the harness's by at least {:.1} ms: synchronise the clocks of the machines (chrony, NTP)",
            member.name,
            off as f64 / 1e6
        ));
    }
    Ok(())
}

#[derive(Default)]
struct State {
    reports: Vec<Sent>,
    /// It will send nothing more: it said so, or it is lost.
    settled: bool,
    lost: Option<String>,
}

/// Agents at work.
pub(crate) struct Playing<'a> {
    crew: &'a Crew,
    zero: Zero,
    states: Mutex<Vec<State>>,
    changed: Condvar,
}

impl Playing<'_> {
    fn change(&self, index: usize, act: impl FnOnce(&mut State)) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get_mut(index) {
            act(state);
        }
        drop(states);
        self.changed.notify_all();
    }

    fn lose(&self, index: usize, reason: String) {
        tracing::warn!(agent = index, reason, "an agent is lost");
        self.change(index, |state| {
            state.settled = true;
            state.lost.get_or_insert(reason);
        });
    }

    /// Passes on what one agent says until it has said everything, or is lost.
    fn listen(&self, index: usize, member: &Member, told: &dyn Told) {
        loop {
            match member.next() {
                Ok(Frame::Sent(sent)) => told.sent(&sent),
                Ok(Frame::Answer(answer)) => told.answer(&answer),
                Ok(Frame::Note(note)) => match note {
                    Note::Missed(dropped) => told.missed(dropped),
                    Note::Lane { open, report } => self.change(index, |state| {
                        let (agent, report) = (Some(index as u32), *report);
                        state.reports.push(Sent { agent, open, report });
                    }),
                    Note::Sent => self.change(index, |state| state.settled = true),
                    Note::Trouble(trouble) => self.lose(index, trouble),
                    Note::Done { held, .. } => return self.done(index, member, held),
                    Note::Ready(_) | Note::Clock(_) | Note::Alive => {}
                },
                Err(reason) => return self.lose(index, reason),
            }
        }
    }

    fn done(&self, index: usize, member: &Member, held: u64) {
        if u128::from(held) > LAG_FLOOR.as_nanos() {
            self.lose(
                index,
                format!(
                    "what it had to tell could not leave for {:.1} ms, so it may have stamped answers late",
                    held as f64 / 1e6
                ),
            );
        }
        // One that is gone already needs no leave.
        let _ = member.order(&Order::Dismiss);
        self.change(index, |state| {
            if !state.settled {
                state.settled = true;
                state
                    .lost
                    .get_or_insert("it ended before it had sent everything".into());
            }
        });
    }

    fn order_all(&self, order: &Order) {
        for member in &self.crew.members {
            // One that cannot be told is lost, which whoever listens to it notices.
            let _ = member.order(order);
        }
    }
}

impl Senders for Playing<'_> {
    fn zero(&self) -> Zero {
        self.zero
    }

    fn send(&self, _told: &dyn Told) -> Result<Vec<Sent>, Broken> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |states: &mut Vec<State>| !states.iter().all(|state| state.settled);
        let settled = self.changed.wait_while(states, waiting);
        let mut states = settled.unwrap_or_else(PoisonError::into_inner);
        Ok(states
            .iter_mut()
            .flat_map(|state| std::mem::take(&mut state.reports))
            .collect())
    }

    fn hear(&self, told: &dyn Told, over: &AtomicBool) {
        std::thread::scope(|scope| {
            for (index, member) in self.crew.members.iter().enumerate() {
                scope.spawn(move || self.listen(index, member, told));
            }
            while !over.load(Ordering::Acquire) {
                std::thread::sleep(LOOK);
            }
            self.order_all(&Order::Finish);
        });
    }

    fn end(&self, interrupted: &dyn Fn() -> bool, over: &AtomicBool) {
        while !interrupted() {
            if over.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        self.order_all(&Order::Stop);
    }

    fn lost(&self) -> Vec<String> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let named = self.crew.members.iter().zip(states.iter());
        named
            .filter_map(|(member, state)| Some(format!("{}: {}", member.name, state.lost.as_ref()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
