//! 11.5: executed prefixes have no gaps, and the state at one place is the same at all correct replicas.

use std::collections::BTreeMap;

use tally_consensus::{Digest, Outgoing};

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Order {
    states: BTreeMap<u64, Digest>,
    last: BTreeMap<usize, u64>,
}

impl Invariant for Order {
    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        let replica = &facts.copy.replica;
        let executed = replica.executed();
        let last = self.last.insert(facts.number, executed);
        if last == Some(executed) {
            return Ok(());
        }
        if last.is_some_and(|last| last > executed) {
            return Err(format!("replica {} went back to {executed}", facts.copy.index));
        }
        let places: Vec<u64> = replica.recent().map(|done| done.sequence).collect();
        if places.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
            return Err(format!("replica {} left a gap in {places:?}", facts.copy.index));
        }
        let state = replica.state_digest();
        let known = *self.states.entry(executed).or_insert(state);
        if known != state {
            return Err(format!(
                "replica {} has another state at {executed}",
                facts.copy.index
            ));
        }
        Ok(())
    }

    fn replaced(&mut self, number: usize) {
        self.last.remove(&number);
    }
}
