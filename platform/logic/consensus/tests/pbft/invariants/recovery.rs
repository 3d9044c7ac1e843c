//! 11.11: a member that came new votes on nothing before it has a certified state, and nothing below it.

use std::collections::BTreeMap;

use tally_consensus::Outgoing;
use tally_consensus::pbft::{Body, Standing};

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Recovery {
    learning: BTreeMap<usize, bool>,
    /// The checkpoint from which a copy votes.
    point: BTreeMap<usize, u64>,
}

impl Invariant for Recovery {
    fn step(&mut self, facts: &Facts<'_>, out: &[Outgoing]) -> Result<(), String> {
        let replica = &facts.copy.replica;
        let learns = replica.standing() == Standing::Learner;
        let learned = self.learning.insert(facts.number, learns) == Some(true);
        if learned && !learns {
            self.point.insert(facts.number, replica.stable());
        }
        for sent in out {
            let tally_consensus::Body::Pbft(body) = &sent.message.body else {
                continue;
            };
            let place = match &**body {
                Body::PrePrepare(order) if replica.view() % 4 == u32::from(facts.copy.index) => {
                    order.sequence
                }
                Body::Prepare(vote) => vote.sequence,
                Body::Commit(vote) => vote.sequence,
                Body::ViewChange(_) => u64::MAX,
                _ => continue,
            };
            let point = self.point.get(&facts.number).copied().unwrap_or(0);
            if learns || place <= point {
                return Err(format!(
                    "replica {} votes at {place}, before {point}",
                    facts.copy.index
                ));
            }
        }
        Ok(())
    }

    fn replaced(&mut self, number: usize) {
        self.learning.remove(&number);
        self.point.remove(&number);
    }
}
