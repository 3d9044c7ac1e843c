//! Nobody executes what was not prepared at f+1 honest members.

use std::collections::{BTreeMap, BTreeSet};

use tally_consensus::pbft;
use tally_model::{Epoch, SetId};
use tally_substrate::PodIndex;

use super::of_pbft;
use crate::watch::{Invariant, Sent, Verdict};

/// A REPLY tells where in the order its request was executed.
#[derive(Debug)]
pub(super) struct Committed {
    weak: usize,
    prepared: BTreeMap<(SetId, u64), BTreeSet<PodIndex>>,
    /// The first epoch that a set was seen in: before it nothing is known.
    first: BTreeMap<SetId, Epoch>,
}

impl Committed {
    pub(super) const fn new(weak: usize) -> Self {
        Self {
            weak,
            prepared: BTreeMap::new(),
            first: BTreeMap::new(),
        }
    }
}

impl Invariant for Committed {
    fn name(&self) -> &'static str {
        "committed-is-prepared"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 6; Castro and Liskov, OSDI'99, section 4.2"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let (Some((set, epoch, _, body)), Some(pod)) = (of_pbft(sent), sent.pod) else {
            return Ok(());
        };
        self.first.entry(set).or_insert(epoch);
        match body {
            pbft::Body::Commit(commit) => {
                self.prepared
                    .entry((set, commit.sequence))
                    .or_default()
                    .insert(pod);
                Ok(())
            }
            pbft::Body::Reply(reply) => {
                let prepared = self.prepared.get(&(set, reply.sequence)).map_or(0, BTreeSet::len);
                if prepared >= self.weak {
                    return Ok(());
                }
                Err(format!(
                    "{} executed place {} of {set}, which only {prepared} honest member(s) had prepared",
                    sent.from, reply.sequence
                ))
            }
            _ => Ok(()),
        }
    }
}
