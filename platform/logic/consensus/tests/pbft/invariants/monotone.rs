//! 11.7 and 11.8: the low watermark and (epoch, view) never go back.

use std::collections::BTreeMap;

use tally_consensus::Outgoing;

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Monotone {
    low: BTreeMap<usize, u64>,
    view: BTreeMap<usize, (u32, u32)>,
}

impl Invariant for Monotone {
    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        let replica = &facts.copy.replica;
        let low = self.low.insert(facts.number, replica.stable());
        if low.is_some_and(|low| low > replica.stable()) {
            return Err(format!("replica {} lowered its watermark", facts.copy.index));
        }
        if let Some(epoch) = replica.epoch() {
            let at = (epoch.0, replica.view());
            let before = self.view.insert(facts.number, at);
            if before.is_some_and(|before| before > at) {
                return Err(format!(
                    "replica {} went from {before:?} to {at:?}",
                    facts.copy.index
                ));
            }
        }
        Ok(())
    }

    fn replaced(&mut self, number: usize) {
        self.low.remove(&number);
        self.view.remove(&number);
    }
}
