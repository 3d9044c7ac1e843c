//! The shape of every role: facts in, intentions out, never any IO.

use crate::Instant;

/// When a machine wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// The earliest useful moment; never woken before it.
    pub at: Instant,
    /// The reason, for traces.
    pub reason: &'static str,
}

impl Deadline {
    /// The earlier of two optional deadlines.
    pub fn earlier(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if a.at <= b.at { a } else { b }),
            (one, None) | (None, one) => one,
        }
    }
}

/// A station on the request's path as a state machine.
///
/// Bad input is a value, a broken outside arrives as an event, broken code is an assertion; `now` and randomness are
/// arguments. One async driver (`tally-runtime`) and one simulator drive all machines.
pub trait Machine {
    /// What can happen to it.
    type Event;
    /// What it wants done.
    type Command;

    /// Takes one fact and appends what follows from it to `out`.
    fn handle(&mut self, now: Instant, event: Self::Event, out: &mut Vec<Self::Command>);

    /// Called at or after [`Machine::deadline`].
    fn wake(&mut self, now: Instant, out: &mut Vec<Self::Command>);

    /// When [`Machine::wake`] is next useful; asked again after every call.
    fn deadline(&self) -> Option<Deadline>;
}
