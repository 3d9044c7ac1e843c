//! No two batches are agreed on at one place in the order.

use std::collections::{BTreeMap, BTreeSet};

use tally_consensus::{Digest, pbft};
use tally_model::{Epoch, SetId};
use tally_substrate::PodIndex;

use super::of_pbft;
use crate::watch::{Invariant, Sent, Verdict};

type Place = (SetId, Epoch, u64);

/// f+1 honest COMMITs of one view with one digest: whoever commits, commits this.
#[derive(Debug)]
pub(super) struct Agreement {
    weak: usize,
    votes: BTreeMap<(Place, u32, Digest), BTreeSet<PodIndex>>,
    agreed: BTreeMap<(Place, u32), Digest>,
}

impl Agreement {
    pub(super) const fn new(weak: usize) -> Self {
        Self {
            weak,
            votes: BTreeMap::new(),
            agreed: BTreeMap::new(),
        }
    }
}

impl Invariant for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 1 and 2; Castro and Liskov, OSDI'99, section 4.2"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let (Some((set, epoch, view, pbft::Body::Commit(commit))), Some(pod)) = (of_pbft(sent), sent.pod)
        else {
            return Ok(());
        };
        let place = (set, epoch, commit.sequence);
        let votes = self.votes.entry((place, view, commit.digest)).or_default();
        votes.insert(pod);
        if votes.len() < self.weak {
            return Ok(());
        }
        match self.agreed.insert((place, view), commit.digest) {
            Some(before) if before != commit.digest => Err(format!(
                "{set} epoch {} view {view}: two batches are prepared at place {}",
                epoch.0, commit.sequence
            )),
            _ => Ok(()),
        }
    }
}
