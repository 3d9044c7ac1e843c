//! Every value is right, byte for byte.

use tally_model::Outcome;

use crate::timeline::Request;
use crate::watch::{Invariant, Last, Oracle, Verdict};

/// Answers against an evaluator that is none of the platform's.
#[derive(Debug)]
pub(super) struct Answers {
    oracle: Oracle,
    failed: Vec<(u64, Outcome)>,
}

impl Answers {
    pub(super) const fn new(oracle: Oracle) -> Self {
        Self {
            oracle,
            failed: Vec::new(),
        }
    }
}

impl Invariant for Answers {
    fn name(&self) -> &'static str {
        "answers"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B2, G2; pbft.md section 11, 10"
    }

    fn over(&mut self, request: &Request) -> Verdict {
        let Some(answer) = &request.answer else {
            return Ok(());
        };
        let right = (self.oracle)(&request.expression);
        match &answer.outcome {
            outcome if *outcome == right => Ok(()),
            Outcome::Error(failure) if !failure.is_deterministic() => {
                self.failed.push((request.n, answer.outcome.clone()));
                Ok(())
            }
            outcome => Err(format!(
                "request {} `{}` was answered `{outcome}`, not `{right}`",
                request.n, request.expression
            )),
        }
    }

    /// A failure of the platform is an honest end, but only where messages were received again and again through faults.
    fn end(&mut self, last: &Last<'_>) -> Verdict {
        match self.failed.first() {
            Some((n, outcome)) if !last.may_bury => Err(format!(
                "request {n} ended in `{outcome}` although nothing excuses it"
            )),
            _ => Ok(()),
        }
    }
}
