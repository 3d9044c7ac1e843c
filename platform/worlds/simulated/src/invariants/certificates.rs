//! What an answer rests on convinces somebody who knows nothing but the sets' records, and no certificate mixes epochs.

use std::sync::Arc;

use tally_consensus::{Verifier, hexadecimal};
use tally_model::AnswerMessage;

use crate::timeline::Request;
use crate::watch::{Invariant, Last, Verdict};

/// Answers, verified at the end, when every record is known.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    answers: Vec<Arc<AnswerMessage>>,
}

impl Invariant for Certificates {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn source(&self) -> &'static str {
        "design.md section 3, 6; pbft.md section 11, 10 and 11"
    }

    fn over(&mut self, request: &Request) -> Verdict {
        self.answers.extend(request.answer.clone());
        Ok(())
    }

    fn end(&mut self, last: &Last<'_>) -> Verdict {
        if last.config.replicas_per_set() == 0 {
            return Ok(());
        }
        let mut verifier =
            Verifier::with_epochs(last.cluster, last.config.clone(), last.history.len().max(1));
        for record in last.history {
            // A record of a set that is being made describes no membership yet.
            let _incomplete = verifier.learn(record);
        }
        for task in self.answers.iter().flat_map(|answer| &answer.tasks) {
            let bytes = task.certificate.as_deref().and_then(hexadecimal::decode);
            let Some(bytes) = bytes else {
                return Err(format!("task {} has no certificate", task.job.task));
            };
            if let Err(flaw) = verifier.verify(task.set, &task.job, &task.outcome, &bytes) {
                return Err(format!(
                    "the certificate of task {} does not hold: {flaw}",
                    task.job.task
                ));
            }
        }
        Ok(())
    }
}
