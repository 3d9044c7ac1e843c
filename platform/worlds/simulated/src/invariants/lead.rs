//! Who leads a set holds its lock, if leads are locked: whenever a record names a leader, the lock is that one's.

use std::collections::BTreeMap;

use tally_model::{NodeId, SetId, SetRecord};
use tally_roles::fleet::lock_holder;

use crate::watch::{Invariant, Verdict};

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Lead {
    holders: BTreeMap<SetId, String>,
}

impl Invariant for Lead {
    fn name(&self) -> &'static str {
        "lead"
    }

    fn source(&self) -> &'static str {
        "the report's election with a central lock (mission.md M76, M77, C20)"
    }

    fn locked(&mut self, set: SetId, holder: Option<&str>) {
        match holder {
            Some(holder) => self.holders.insert(set, holder.to_owned()),
            None => self.holders.remove(&set),
        };
    }

    fn record(&mut self, record: &SetRecord) -> Verdict {
        let leads = NodeId::Replica(record.id, record.leader);
        let Some(leader) = record.members().find(|member| member.node == leads) else {
            return Ok(());
        };
        let (leader, holder) = (lock_holder(leader), self.holders.get(&record.id));
        if holder == Some(&leader) {
            return Ok(());
        }
        Err(format!(
            "{leader} leads {} and {holder:?} holds its lock",
            record.id
        ))
    }
}
