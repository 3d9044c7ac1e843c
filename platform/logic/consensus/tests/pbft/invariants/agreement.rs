//! 11.1 and 11.8, 99 section 4.2: no two correct replicas execute different batches at one place, in whatever views and epochs.

use std::collections::BTreeMap;

use tally_consensus::{Digest, Outgoing};

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Agreement(BTreeMap<u64, (Digest, Digest)>);

impl Invariant for Agreement {
    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        for done in facts.copy.replica.recent() {
            let said = (done.digest, done.history);
            let known = *self.0.entry(done.sequence).or_insert(said);
            if known != said {
                return Err(format!(
                    "agreement: replica {} executed {:?} at {}, another {:?}",
                    facts.copy.index, said.0, done.sequence, known.0
                ));
            }
        }
        Ok(())
    }
}
