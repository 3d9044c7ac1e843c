//! What was refused is never executed to an outcome.

use crate::timeline::{Missing, Request};
use crate::watch::{Invariant, Last, Verdict};

/// Every stored answer belongs to a request that was accepted, or may have been.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    possible: u64,
}

impl Invariant for Refusal {
    fn name(&self) -> &'static str {
        "refusal"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B2, G4"
    }

    fn over(&mut self, request: &Request) -> Verdict {
        let refused = !request.accepted
            && (matches!(request.status, 400 | 404 | 409 | 413 | 429)
                || request.missing == Some(Missing::Refused));
        self.possible += u64::from(!refused);
        if refused && request.answer.is_some() {
            return Err(format!("request {} was refused and answered", request.n));
        }
        Ok(())
    }

    fn end(&mut self, last: &Last<'_>) -> Verdict {
        if last.stored > self.possible {
            return Err(format!(
                "{} answers are stored, and only {} requests were not refused",
                last.stored, self.possible
            ));
        }
        Ok(())
    }
}
