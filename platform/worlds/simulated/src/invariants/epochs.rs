//! Epochs of a set grow, name one membership each, and numbers of sets and incarnations are never used twice.

use std::collections::BTreeMap;

use tally_model::{Epoch, NodeId, SetId, SetRecord};

use crate::watch::{Invariant, Verdict};

/// Who is a member: place, incarnation, key.
type Members = Vec<(NodeId, u32, String)>;

/// What was recorded.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    newest: BTreeMap<SetId, Epoch>,
    members: BTreeMap<(SetId, Epoch), (u8, Members)>,
    keys: BTreeMap<(NodeId, u32), String>,
}

impl Invariant for Epochs {
    fn name(&self) -> &'static str {
        "epochs"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 11; design.md section 3, 17"
    }

    fn record(&mut self, record: &SetRecord) -> Verdict {
        let newest = self.newest.entry(record.id).or_insert(record.epoch);
        if record.epoch < *newest {
            return Err(format!(
                "{} went from epoch {} back to {}",
                record.id, newest.0, record.epoch.0
            ));
        }
        *newest = record.epoch;
        let members: Members = record
            .members()
            .map(|member| (member.node, member.incarnation, member.public_key.clone()))
            .collect();
        for (node, incarnation, key) in &members {
            let first = self
                .keys
                .entry((*node, *incarnation))
                .or_insert_with(|| key.clone());
            if first != key {
                return Err(format!("occupant {incarnation} of {node} has two keys"));
            }
        }
        let now = (record.leader, members);
        let first = self
            .members
            .entry((record.id, record.epoch))
            .or_insert_with(|| now.clone());
        // A set that is being made, or mended, fills up within an epoch; nobody who was there may become another.
        let grown = first.1.iter().all(|member| now.1.contains(member));
        if !grown {
            return Err(format!(
                "epoch {} of {} has two memberships",
                record.epoch.0, record.id
            ));
        }
        *first = now;
        Ok(())
    }
}
