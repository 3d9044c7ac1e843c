//! What may have been committed in one view is not replaced in a later one.

use std::collections::{BTreeMap, BTreeSet};

use tally_consensus::{Digest, pbft};
use tally_model::{Epoch, SetId};
use tally_substrate::PodIndex;

use super::of_pbft;
use crate::watch::{Invariant, Sent, Verdict};

type Votes = BTreeMap<(u32, Digest), BTreeSet<PodIndex>>;

/// f+1 honest members that are alive and prepared a batch carry it into every later view.
#[derive(Debug)]
pub(super) struct Locked {
    weak: usize,
    places: BTreeMap<(SetId, Epoch, u64), Votes>,
    gone: BTreeSet<PodIndex>,
}

impl Locked {
    pub(super) const fn new(weak: usize) -> Self {
        Self {
            weak,
            places: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }
}

impl Invariant for Locked {
    fn name(&self) -> &'static str {
        "locked"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 2 and 8; Castro and Liskov, OSDI'99, section 4.4"
    }

    fn gone(&mut self, pod: PodIndex) {
        self.gone.insert(pod);
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let (Some((set, epoch, view, pbft::Body::Commit(commit))), Some(pod)) = (of_pbft(sent), sent.pod)
        else {
            return Ok(());
        };
        let votes = self.places.entry((set, epoch, commit.sequence)).or_default();
        if !votes.entry((view, commit.digest)).or_default().insert(pod) {
            return Ok(());
        }
        for ((before, digest), pods) in votes.iter() {
            let alive = pods.iter().filter(|pod| !self.gone.contains(pod)).count();
            if *before < view && *digest != commit.digest && alive >= self.weak {
                return Err(format!(
                    "{set} epoch {}: what was prepared at place {} in view {before} is another batch in view {view}",
                    epoch.0, commit.sequence
                ));
            }
        }
        Ok(())
    }
}
