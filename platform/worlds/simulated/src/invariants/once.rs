//! A request is executed once: every honest member tells the same outcomes for it, at the same place.

use std::collections::BTreeMap;

use tally_consensus::{Body, pbft};
use tally_model::{Epoch, Outcome, SetId};

use super::of_set;
use crate::watch::{Invariant, Sent, Verdict};

/// Set, epoch, slot, timestamp: a new worker comes with a new epoch.
type Request = (SetId, Epoch, u8, u64);

/// What was replied to each request first.
#[derive(Debug, Default)]
pub(super) struct Once {
    replies: BTreeMap<Request, (u64, Vec<Outcome>)>,
}

impl Invariant for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 4; Castro and Liskov, OSDI'99, section 4.1"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let Some(message) = of_set(sent) else {
            return Ok(());
        };
        let (slot, timestamp, sequence, outcomes) = match &message.body {
            Body::Reply(reply) => (reply.slot, reply.timestamp, reply.sequence, &reply.outcomes[..]),
            Body::Pbft(body) => match &**body {
                pbft::Body::Reply(reply) => {
                    (reply.slot, reply.timestamp, reply.sequence, &reply.outcomes[..])
                }
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        let request = (message.set, message.epoch, slot, timestamp);
        let first = self
            .replies
            .entry(request)
            .or_insert_with(|| (sequence, outcomes.to_vec()));
        if first.0 == sequence && first.1 == *outcomes {
            return Ok(());
        }
        Err(format!(
            "{} replied {outcomes:?} at place {sequence} to request {timestamp} of slot {slot}, others {:?} at {}",
            sent.from, first.1, first.0
        ))
    }
}
