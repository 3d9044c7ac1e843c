//! Nothing is executed that no worker asked for.

use std::collections::BTreeSet;

use tally_consensus::{Body, pbft};
use tally_model::SetId;

use super::of_set;
use crate::watch::{Invariant, Sent, Verdict};

/// What workers asked for: set, slot, timestamp.
#[derive(Debug, Default)]
pub(super) struct Validity {
    asked: BTreeSet<(SetId, u8, u64)>,
}

impl Invariant for Validity {
    fn name(&self) -> &'static str {
        "validity"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 3"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let Some(message) = of_set(sent) else {
            return Ok(());
        };
        let replied = match &message.body {
            Body::Propose(propose) => {
                self.asked.insert((message.set, propose.slot, propose.timestamp));
                return Ok(());
            }
            Body::Reply(reply) => (message.set, reply.slot, reply.timestamp),
            Body::Pbft(body) => match &**body {
                pbft::Body::Request(request) => {
                    self.asked.insert((message.set, request.slot, request.timestamp));
                    return Ok(());
                }
                pbft::Body::Reply(reply) => (message.set, reply.slot, reply.timestamp),
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        if self.asked.contains(&replied) {
            return Ok(());
        }
        Err(format!(
            "{} replied to request {} of slot {}, which no worker of {} ever sent",
            sent.from, replied.2, replied.1, replied.0
        ))
    }
}
