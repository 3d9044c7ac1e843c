//! Views of an honest member never go back.

use std::collections::BTreeMap;

use tally_consensus::pbft;
use tally_model::Epoch;
use tally_substrate::PodIndex;

use super::of_pbft;
use crate::watch::{Invariant, Sent, Verdict};

/// The highest view in which a member took part, and the highest it asked for.
#[derive(Debug, Default)]
pub(super) struct Monotone {
    views: BTreeMap<PodIndex, (Epoch, u32)>,
}

impl Invariant for Monotone {
    fn name(&self) -> &'static str {
        "views-grow"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 8; Castro and Liskov, OSDI'99, section 4.4"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let (Some((set, epoch, view, body)), Some(pod)) = (of_pbft(sent), sent.pod) else {
            return Ok(());
        };
        let view = match body {
            pbft::Body::ViewChange(change) => change.view,
            // A message of a view that is over may be repeated to somebody who is behind; a new order may not be given in one.
            pbft::Body::NewView(_) => view,
            _ => return Ok(()),
        };
        let highest = self.views.entry(pod).or_insert((epoch, view));
        if (epoch, view) < *highest && epoch >= highest.0 {
            return Err(format!(
                "{} of {set} went from view {} back to view {view}",
                sent.from, highest.1
            ));
        }
        *highest = (*highest).max((epoch, view));
        Ok(())
    }
}
