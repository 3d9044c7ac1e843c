//! 11.9: no correct identity says two things for the same (kind, epoch, view, place), and one in a view change says nothing in
//! the view it left (99 section 4.4).

use std::collections::BTreeMap;

use tally_consensus::pbft::{Body, PrePrepare};
use tally_consensus::{Digest, Outgoing};

use super::{Facts, Invariant};

type Place = (usize, u8, u32, u32, u64);

#[derive(Default)]
pub struct OneVoice {
    said: BTreeMap<Place, Vec<u8>>,
    left: BTreeMap<usize, (u32, u32)>,
}

impl Invariant for OneVoice {
    fn step(&mut self, facts: &Facts<'_>, out: &[Outgoing]) -> Result<(), String> {
        for sent in out {
            let tally_consensus::Body::Pbft(body) = &sent.message.body else {
                continue;
            };
            let (epoch, view) = (sent.message.epoch.0, sent.message.view);
            let words = match &**body {
                // Passed on for the primary, or its own: the signature names the digest.
                Body::PrePrepare(PrePrepare {
                    sequence, signature, ..
                }) => (0, *sequence, signature.to_vec()),
                Body::Prepare(vote) => (1, vote.sequence, bytes(vote.digest)),
                Body::Commit(vote) => (2, vote.sequence, bytes(vote.digest)),
                Body::ViewChange(change) => {
                    let left = self.left.entry(facts.number).or_default();
                    *left = (*left).max((epoch, view));
                    (3, 0, change.signature.to_vec())
                }
                _ => continue,
            };
            if words.0 < 3
                && self
                    .left
                    .get(&facts.number)
                    .is_some_and(|left| (epoch, view) < *left)
            {
                return Err(format!("replica {} votes in a view it left", facts.copy.index));
            }
            let place = (facts.number, words.0, epoch, view, words.1);
            if *self.said.entry(place).or_insert_with(|| words.2.clone()) != words.2 {
                return Err(format!(
                    "replica {} says two things at {place:?}",
                    facts.copy.index
                ));
            }
        }
        Ok(())
    }

    fn replaced(&mut self, number: usize) {
        self.said.retain(|place, _| place.0 != number);
        self.left.remove(&number);
    }
}

fn bytes(digest: Digest) -> Vec<u8> {
    digest.0.to_vec()
}
