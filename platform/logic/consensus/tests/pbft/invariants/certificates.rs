//! 11.2, 99 section 4.2: prepared(m,v,n) at one correct replica excludes prepared(m',v,n) at any other.

use std::collections::BTreeMap;

use tally_consensus::{Digest, Outgoing};
use tally_model::Epoch;

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Certificates(BTreeMap<(Epoch, u32, u64), Digest>);

impl Invariant for Certificates {
    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        for proof in facts.copy.replica.prepared() {
            let place = (proof.epoch, proof.view, proof.sequence);
            let known = *self.0.entry(place).or_insert(proof.digest);
            if known != proof.digest {
                return Err(format!("two prepared certificates for {place:?}"));
            }
        }
        Ok(())
    }
}
