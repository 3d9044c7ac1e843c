//! 11.4, 99 section 4.2: every (client, t) is executed once, at one place, with one result, and t grows per client.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_consensus::Outgoing;
use tally_consensus::pbft::ClientId;
use tally_model::Outcome;

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Once {
    places: BTreeMap<(ClientId, u64), (u64, Arc<[Outcome]>)>,
    last: BTreeMap<ClientId, BTreeMap<u64, u64>>,
}

impl Invariant for Once {
    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        for done in facts.copy.replica.recent() {
            for (request, outcomes) in done.requests.iter().zip(&done.outcomes) {
                let said = (done.sequence, outcomes.clone());
                let known = self.places.entry(*request).or_insert_with(|| said.clone());
                if *known != said {
                    return Err(format!("{request:?} executed at {} and at {}", known.0, said.0));
                }
                let (client, timestamp) = *request;
                let places = self.last.entry(client).or_default();
                places.insert(done.sequence, timestamp);
                let before = places.range(..done.sequence).next_back();
                if before.is_some_and(|(_, earlier)| *earlier >= timestamp) {
                    return Err(format!("{request:?} executed after a later one"));
                }
            }
        }
        Ok(())
    }
}
