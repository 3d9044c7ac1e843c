//! Votes of a view that was not entered here yet: kept, few of them per sender, until it is.

use std::collections::BTreeMap;

use tally_model::NodeId;

use super::message::Body;
use crate::replica::Refusal;

/// Messages kept per sender, so that one who lies cannot crowd out the others.
const PER_SENDER: usize = 32;

/// The buffer.
#[derive(Debug, Default)]
pub(super) struct Later(BTreeMap<NodeId, Vec<(u32, Body)>>);

impl Later {
    pub(super) fn keep(&mut self, from: NodeId, view: u32, body: Body) -> Result<(), Refusal> {
        if !matches!(from, NodeId::Replica(..)) {
            return Err(Refusal::NotAMember);
        }
        let kept = self.0.entry(from).or_default();
        if kept.len() >= PER_SENDER {
            return Err(Refusal::OtherView);
        }
        kept.push((view, body));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    /// What was kept for `view`; what was kept for earlier ones is forgotten.
    pub(super) fn release(&mut self, view: u32) -> Vec<Body> {
        let mut due = Vec::new();
        for kept in self.0.values_mut() {
            let (now, later): (Vec<_>, Vec<_>) = std::mem::take(kept)
                .into_iter()
                .filter(|(of, _)| *of >= view)
                .partition(|(of, _)| *of == view);
            due.extend(now.into_iter().map(|(_, body)| body));
            *kept = later;
        }
        due
    }
}
