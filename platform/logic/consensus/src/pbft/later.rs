//! Votes of a view that was not entered here yet: kept, few of them per sender, until it is.

use std::collections::BTreeMap;

use tally_model::NodeId;

use super::BATCH_BYTES;
use super::message::Body;
use super::settings::Settings;
use crate::membership::Membership;
use crate::replica::Refusal;

/// Messages kept per sender, so that one who lies cannot crowd out the others.
const PER_SENDER: usize = 32;

/// The buffer.
#[derive(Debug, Default)]
pub(super) struct Later(BTreeMap<u8, Vec<(u32, Body)>>);

impl Later {
    /// Keeps what `from` says, if it is a member and has not as many messages, or as many bytes, here as an honest one may have
    /// under way. Nothing of it is verified yet, and who sent it has nothing but its own word.
    pub(super) fn keep(
        &mut self,
        membership: &Membership,
        settings: &Settings,
        from: NodeId,
        view: u32,
        body: Body,
    ) -> Result<(), Refusal> {
        let member = match from {
            NodeId::Replica(set, index) if set == membership.set() && membership.replica(index).is_some() => {
                index
            }
            _ => return Err(Refusal::NotAMember),
        };
        if let Body::PrePrepare(order) = &body {
            order.batch.check_bounds(&membership.scope)?;
        }
        let kept = self.0.entry(member).or_default();
        let held: usize = kept.iter().map(|(_, body)| operands(body)).sum();
        let most = BATCH_BYTES * settings.pipeline as usize;
        if kept.len() >= PER_SENDER || held + operands(&body) > most {
            return Err(Refusal::OtherView);
        }
        kept.push((view, body));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    /// Bytes of operands that are kept, of all senders.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.0.values().flatten().map(|(_, body)| operands(body)).sum()
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

/// Bytes of the operands in a message; nothing else of it has a length of its own.
fn operands(body: &Body) -> usize {
    match body {
        Body::PrePrepare(order) => order.batch.bytes(),
        _ => 0,
    }
}
