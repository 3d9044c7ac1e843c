//! A request has one id and one outcome, which never changes and never vanishes.

use std::collections::BTreeMap;

use tally_model::{Observation, Outcome, RequestId, Step};

use crate::timeline::{Request, Sight};
use crate::watch::{Invariant, Verdict};

/// What was seen first.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    first: BTreeMap<u64, (Outcome, tally_model::Instant)>,
    ids: BTreeMap<RequestId, u64>,
}

impl Invariant for Outcomes {
    fn name(&self) -> &'static str {
        "one-outcome"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B2, G3"
    }

    fn over(&mut self, request: &Request) -> Verdict {
        if let Some(other) = request.other_ids.first() {
            return Err(format!("request {} was given the second id {other}", request.n));
        }
        if let Some(id) = request.id
            && let Some(other) = self.ids.insert(id, request.n)
        {
            return Err(format!("requests {other} and {} have one id {id}", request.n));
        }
        if let Some(answer) = &request.answer {
            self.first
                .insert(request.n, (answer.outcome.clone(), answer.folded));
        }
        Ok(())
    }

    fn seen(&mut self, sight: &Sight) -> Verdict {
        let Some((outcome, folded)) = self.first.get(&sight.n) else {
            return Ok(());
        };
        match &sight.outcome {
            None => Err(format!("the answer of request {} vanished", sight.n)),
            Some(seen) if seen != outcome => Err(format!(
                "request {} was answered `{outcome}`, then `{seen}`",
                sight.n
            )),
            Some(_) if sight.folded != Some(*folded) => {
                Err(format!("request {} has two outcome records", sight.n))
            }
            Some(_) => Ok(()),
        }
    }

    fn observed(&mut self, observation: &Observation) -> Verdict {
        if observation.step == Step::ConflictingOutcome {
            return Err(observation.note.clone().unwrap_or_default());
        }
        Ok(())
    }
}
