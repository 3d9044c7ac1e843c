//! Honest members have the same state at the same place.

use std::collections::BTreeMap;

use tally_consensus::{Digest, pbft};
use tally_model::{Epoch, SetId};

use super::of_pbft;
use crate::watch::{Invariant, Sent, Verdict};

/// The digest of a CHECKPOINT covers the client table and everything executed before it.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    states: BTreeMap<(SetId, Epoch, u64), Digest>,
}

impl Invariant for Checkpoints {
    fn name(&self) -> &'static str {
        "checkpoints"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 5 and 7; Castro and Liskov, OSDI'99, section 4.3"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let Some((set, epoch, _, pbft::Body::Checkpoint(checkpoint))) = of_pbft(sent) else {
            return Ok(());
        };
        let state = self
            .states
            .entry((set, epoch, checkpoint.sequence))
            .or_insert(checkpoint.digest);
        if *state == checkpoint.digest {
            return Ok(());
        }
        Err(format!(
            "{} has another state at place {} of {set} than others",
            sent.from, checkpoint.sequence
        ))
    }
}
