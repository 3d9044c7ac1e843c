//! Once everything is healed, everything accepted is answered, queues are empty, and every set that must be there works.

use tally_model::QueueName;

use crate::timeline::Request;
use crate::watch::{Invariant, Last, Verdict};

/// Requests that were accepted and ended without an answer.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    owed: Vec<u64>,
}

impl Invariant for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B2, G1 and G7; pbft.md section 11, 12"
    }

    fn over(&mut self, request: &Request) -> Verdict {
        if request.accepted && request.answer.is_none() {
            self.owed.push(request.n);
        }
        Ok(())
    }

    fn end(&mut self, last: &Last<'_>) -> Verdict {
        if let Some(first) = self.owed.first() {
            return Err(format!(
                "{} accepted request(s) were never answered, the first is {first}",
                self.owed.len()
            ));
        }
        for queue in QueueName::ALL {
            // The dead-letter queue is read by nobody but the scheduler; what it could not place stays for people.
            let left = last.queued[queue.index()];
            if left > 0 && queue != QueueName::Dead {
                return Err(format!("{left} message(s) are left in `{queue}`"));
            }
        }
        let wanted = last.config.bounds.min;
        if let Some(ready) = last.ready.iter().find(|ready| **ready < wanted) {
            return Err(format!("only {ready} set(s) of an operation work, {wanted} must"));
        }
        Ok(())
    }
}
