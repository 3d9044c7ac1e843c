//! What clients of the simulated world saw, as lines of the run directory.

use tally_capture::{Fate, Operation, Read, Sight as How};
use tally_model::{Instant, Outcome};
use tally_simulated::{Missing, Request, Sight};

/// Times of the world since a zero of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zero(pub(super) Instant);

impl Zero {
    pub(super) const fn at(self, instant: Instant) -> u64 {
        instant.as_nanos().saturating_sub(self.0.as_nanos())
    }
}

/// A request that is over, or that the trial ended before.
pub(super) fn operation(zero: Zero, load: u16, request: Request) -> Operation {
    let mut operation = Operation::planned(request.n, load, request.expression, zero.at(request.intended));
    operation.sent = Some(zero.at(request.sent));
    operation.first_byte = request.first_byte.map(|at| zero.at(at));
    operation.done = request.done.map(|at| zero.at(at));
    operation.status = request.status;
    operation.accepted = request.accepted;
    operation.id = request.id;
    operation.other_ids = request.other_ids;
    operation.attempts = request.attempts;
    let (fate, reason) = match (request.missing, request.status) {
        _ if request.answer.is_some() => (Fate::Ok, None),
        (Some(Missing::Refused), _) => (Fate::Fail, Some("no attempt reached the platform")),
        (Some(Missing::Unknown), _) | (None, 0) => (Fate::Info, Some("sent, and no response came")),
        (None, 200 | 202) => (Fate::Info, None),
        (None, 503) => (Fate::Info, Some("unavailable")),
        (None, 429) => (Fate::Fail, Some("busy")),
        (None, _) => (Fate::Fail, Some("refused")),
    };
    operation.fate = fate;
    operation.reason = reason.map(str::to_owned);
    if let Some(answer) = request.answer {
        operation.folded = Some(answer.folded.as_nanos());
        if matches!(answer.outcome, Outcome::Error(_)) {
            operation.reason.clone_from(&answer.detail);
        }
        operation.outcome = Some(answer.outcome.clone());
        operation.tasks.clone_from(&answer.tasks);
    }
    operation
}

/// A further sight of an outcome.
pub(super) fn read(zero: Zero, sight: Sight) -> Read {
    Read {
        n: sight.n,
        at: zero.at(sight.at),
        sight: if sight.delivered { How::Delivery } else { How::Read },
        outcome: sight.outcome,
        folded: sight.folded.map(Instant::as_nanos),
    }
}
