//! Messages of an epoch that has not been announced here yet: kept, few of them, until it is.

use tally_model::{Epoch, NodeId};

use crate::message::Message;
use crate::replica::Refusal;

/// More than a set has in flight right after a change of epoch.
const CAPACITY: usize = 16;

/// The buffer.
#[derive(Debug, Default)]
pub(crate) struct Early(Vec<(NodeId, Message)>);

impl Early {
    pub(crate) fn keep(&mut self, from: NodeId, message: Message) -> Result<(), Refusal> {
        if self.0.len() >= CAPACITY {
            return Err(Refusal::OtherEpoch);
        }
        self.0.push((from, message));
        Ok(())
    }

    /// What was kept for `epoch`, in order of arrival; what was kept for earlier ones is forgotten.
    pub(crate) fn release(&mut self, epoch: Epoch) -> Vec<(NodeId, Message)> {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0)
            .into_iter()
            .filter(|(_, message)| message.epoch >= epoch)
            .partition(|(_, message)| message.epoch == epoch);
        self.0 = later;
        due
    }
}
