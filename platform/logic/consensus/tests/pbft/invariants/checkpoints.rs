//! 11.7, 99 section 4.3: correct replicas announce the same state at the same place.

use std::collections::BTreeMap;

use tally_consensus::pbft::Body;
use tally_consensus::{Digest, Outgoing};

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Checkpoints(BTreeMap<u64, Digest>);

impl Invariant for Checkpoints {
    fn step(&mut self, _facts: &Facts<'_>, out: &[Outgoing]) -> Result<(), String> {
        for sent in out {
            if let tally_consensus::Body::Pbft(body) = &sent.message.body
                && let Body::Checkpoint(vote) = &**body
                && *self.0.entry(vote.sequence).or_insert(vote.digest) != vote.digest
            {
                return Err(format!("two states announced at {}", vote.sequence));
            }
        }
        Ok(())
    }
}
